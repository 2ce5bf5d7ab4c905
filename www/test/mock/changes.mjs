export const changesRoutes = [["GET", "/v1/changes", changes]];

const COMMENT_EVERY_MS = 15_000;

function changes({ data, app, query, request, response }) {
  const since = Number(request.headers["last-event-id"] ?? query.get("since") ?? data.seq);
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  response.write(": hello\n\n");
  const tell = (title) => {
    if (title.appId === app) response.write(`id: ${title.changeSeq}\nevent: title\ndata: ${JSON.stringify(title)}\n\n`);
  };
  const missed = data.titles.filter(({ changeSeq }) => changeSeq > since);
  for (const title of missed.sort((a, b) => a.changeSeq - b.changeSeq)) tell(title);
  const stream = { response, tell };
  data.streams.add(stream);
  const timer = setInterval(() => response.write(": still here\n\n"), COMMENT_EVERY_MS);
  response.on("close", () => {
    clearInterval(timer);
    data.streams.delete(stream);
  });
}
