"use strict";
SwaggerUIBundle({
  url: "/api/v1/openapi.json",
  dom_id: "#page",
  deepLinking: true,
  validatorUrl: null, // its default asks a server elsewhere
  tryItOutEnabled: true,
});
