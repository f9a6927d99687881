"""``jobd import …``: what another scheduler was told, as jobd's configuration."""
