"""``jobd ctl``: asks and controls the daemon on this node over its Unix socket."""
