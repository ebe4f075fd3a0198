// node and its `ws` package: POST /fire sends each event of its body to everybody who is connected. argv: PORT
const http = require("http");
const { WebSocketServer } = require("ws");

const server = http.createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    for (const event of JSON.parse(Buffer.concat(chunks))) {
      const data = JSON.stringify(event);
      for (const client of sockets.clients) client.send(data);
    }
    response.end("ok");
  });
});
const sockets = new WebSocketServer({ server, path: "/ws" });
server.listen(+process.argv[2], "127.0.0.1");
