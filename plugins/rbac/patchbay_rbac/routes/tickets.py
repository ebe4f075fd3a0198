"""Tickets for sockets: a page that has a session opens a socket without showing it anything that lasts."""

from __future__ import annotations

from marshmallow import Schema, fields

from patchbay.web.call import Call
from patchbay.web.operations import Answer, Operations
from patchbay_rbac.credentials.tickets import TICKET_LIFETIME_S
from patchbay_rbac.rbac import Rbac


class TicketSchema(Schema):
    """`expires_in` are seconds."""

    ticket = fields.String(required=True)
    expires_in = fields.Integer(required=True)


def operations(rbac: Rbac) -> Operations:
    declared = Operations("Auth")

    @declared.post("/auth/ws-ticket", "events.read", answer=TicketSchema)
    async def make_socket_ticket(call: Call) -> Answer:
        """Get a ticket for a socket.

        It is sent as `token` in the socket's first message, works once, and opens the socket as whoever asked for it,
        while they may still come in. It works nowhere else.
        """
        return Answer({"ticket": rbac.tickets.issue(call.principal), "expires_in": TICKET_LIFETIME_S})

    return declared
