"""What the log's readers may ask for. The endpoints read the values themselves; these say which names there are."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from patchbay.web.events import DEFAULT_LIMIT, MAX_LIMIT, MAX_WAIT_S


class PullQuery(Schema):
    after = fields.Integer(
        validate=validate.Range(min=0), metadata={"description": "A position; events after it are read."}
    )
    types = fields.String(metadata={"description": "Event types, comma separated; all when absent."})
    limit = fields.Integer(
        validate=validate.Range(min=1, max=MAX_LIMIT), metadata={"description": f"{DEFAULT_LIMIT} when absent."}
    )
    wait = fields.Integer(
        validate=validate.Range(min=0, max=MAX_WAIT_S), metadata={"description": "Seconds to wait for a new event."}
    )


class StreamQuery(Schema):
    after = fields.Integer(
        validate=validate.Range(min=0), metadata={"description": "A position, where there is no Last-Event-ID."}
    )
    types = fields.String(metadata={"description": "Event types, comma separated; all when absent."})
