"""The IT dashboard: pages for the site's IT alone."""
