"""Network: the ways to PostgreSQL, all as slow as the plan says."""

from deploy.cluster.proxy import Proxy
from deploy.outage.plan import Plan


class Network:
    """Makes proxies, and keeps their latency at what the plan has for the moment."""

    def __init__(self, port: int, plan: Plan) -> None:
        self._port = port
        self._plan = plan
        self._proxies: list[Proxy] = []
        self._each_way_s = 0.0
        self.follow(0.0)

    def port(self) -> int:
        """Return the port of a new way to the server."""
        proxy = Proxy(self._port)
        proxy.latency_s = self._each_way_s
        self._proxies.append(proxy)
        return proxy.port

    def follow(self, at_min: float) -> None:
        """Be as slow as at a minute of the plan."""
        self._each_way_s = self._plan.round_trip_s(at_min) / 2
        for proxy in self._proxies:
            proxy.latency_s = self._each_way_s

    def close(self) -> None:
        """End all ways."""
        for proxy in self._proxies:
            proxy.close()
