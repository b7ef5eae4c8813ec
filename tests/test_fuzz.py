"""Hostile input to every route and form: never a 5xx, always a page, nothing half done (DOMAIN §17)."""
