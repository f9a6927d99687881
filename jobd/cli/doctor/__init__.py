"""``jobd doctor``: can this machine keep the promises."""
