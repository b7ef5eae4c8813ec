"""Routes of *DAP to GDAP*."""

from django.urls import URLPattern, path

from delegation.views import gdap_moves, gdap_moves_bulk

_MOVES = "p/<slug:partner_slug>/admin-relationships/moves"
_MOVE = f"{_MOVES}/<uuid:pair_id>"

urlpatterns: list[URLPattern] = [
    path(_MOVES, gdap_moves.moves, name="gdap-moves"),
    path(f"{_MOVES}.csv", gdap_moves.export, name="gdap-moves-export"),
    path(f"{_MOVES}/ask", gdap_moves_bulk.ask, name="gdap-moves-ask"),
    path(f"{_MOVES}/give-up", gdap_moves_bulk.give_up, name="gdap-moves-give-up"),
    path(_MOVE, gdap_moves.move, name="gdap-move"),
    path(f"{_MOVE}/ask", gdap_moves.ask, name="gdap-move-ask"),
    path(f"{_MOVE}/give-up", gdap_moves.give_up, name="gdap-move-give-up"),
]
