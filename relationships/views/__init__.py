"""Pages of invitations: the partner's (`invitations`), the invited customer's (`answers`), its inbox (`requests`)."""
