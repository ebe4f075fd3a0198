"""marshmallow schemas: what the API takes and shows, one module per area. OpenAPI is made from them."""
