"use strict";
// The search index would need a worker made from a blob, and the page's policy allows neither.
Redoc.init("/api/v1/openapi.json", { disableSearch: true, hideDownloadButton: true }, document.getElementById("page"));
