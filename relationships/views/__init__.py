"""Pages of invitations: the partner's (`invitations`), the invited customer's (`answers`), its inbox (`requests`).

`asked` is what all kinds of requests share, also those of higher apps.
"""
