"""Assets: the style sheet, the script and the icon, under names that change with their content.

A browser may keep them forever, for other content has another name. They are read once; no
path of a request ever reaches the file system.
"""

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.resources import files

from aiohttp import web

from jobd.web.pages.headers import SAFE
from jobd.web.problem import Problem

PATH = "/static/{asset}"
FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is served; ``served_as`` is ``jobd.3f2a91c04b.css``."""

    served_as: str
    content: bytes
    content_type: str
    version: str


def asset_url(name: str) -> str:
    """Return the address of a file in ``static/``."""
    return PATH.format(asset=_by_name()[name].served_as)


async def get_asset(request: web.Request) -> web.StreamResponse:
    """Answer with a file; 304 when the browser has it already."""
    asset = _by_served_name().get(request.match_info["asset"])
    if asset is None:
        raise Problem(404, "no_such_path", "there is no such file; reload the page that asked")
    headers = {**SAFE, "Cache-Control": FOREVER, "ETag": f'"{asset.version}"'}
    if any(tag.value in (asset.version, "*") for tag in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    return web.Response(
        body=asset.content, headers=headers, content_type=asset.content_type, charset="utf-8"
    )


@cache
def _by_name() -> Mapping[str, Asset]:
    return {
        file.name: _asset(file.name, file.read_bytes())
        for file in files("jobd.web").joinpath("static").iterdir()
    }


@cache
def _by_served_name() -> Mapping[str, Asset]:
    return {asset.served_as: asset for asset in _by_name().values()}


def _asset(name: str, content: bytes) -> Asset:
    version = blake2b(content, digest_size=6).hexdigest()
    stem, _, suffix = name.rpartition(".")
    content_type = mimetypes.types_map[f".{suffix}"]
    return Asset(f"{stem}.{version}.{suffix}", content, content_type, version)
