"""Pages: what people see in a browser. Rendered here, whole, from the node's views.

A page is useful without JavaScript: links, forms that GET, tables. The script fetches the same
address every few seconds and takes over what has changed in the regions marked ``data-live``.

How a page is added:

1. A handler in a module of its own here, ``async def show_thing(request) -> web.Response``.
   It asks the node (``node_of(request)``) and returns ``rendering.render(request,
   "thing.html", title="Thing", …)``. What it raises as a ``Problem`` becomes a page too. One that
   goes through all jobs does so in slices (``slices.py``): others wait for one, not for all. One
   with hundreds of rows is rendered apart (``render_apart``), on another thread.
2. A template ``templates/thing.html`` that extends ``layout.html`` and fills ``main``. Values are
   escaped, and an unknown name is an error. Filters are in ``filters.py``, pieces that pages
   share (links to jobs and runs, bars, marks of outcomes) in ``pieces.html``.
3. A line in ``routes.PAGES``; with a label it is in the navigation.

There is no inline style or script, the policy of ``headers.py`` forbids both: widths are
attributes of SVG, colours are classes of ``static/jobd.css``. A colour never says alone what
a word does not say beside it. An element that may move between two fetches needs an id, for the
script to know it again. What a page shows is for everybody who reaches ``daemon.http``: no
argv, no parameters, no environment.
"""
