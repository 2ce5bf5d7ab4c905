// What a cluster does while it is hit: titles are uploaded and made, others are played.
import { Upload } from "../../faults/lib/tus.mjs";
import { sleep, until } from "../../faults/lib/wait.mjs";
import { Player } from "./player.mjs";

const ANSWER_MS_MAX = 15_000;
const PIECE_BYTES = 32 << 10;
/** How long an uploader goes on trying, and how long a title may take to be made after that. */
const UPLOAD_MS_MAX = 240_000;
const MADE_MS_MAX = 240_000;

/** Uploads a source piece by piece, over whatever happens, until the server has all of it. Answers the file id. */
export async function uploadTitle(api, source, name, workflowId) {
  const metadata = { filename: "clip.mp4", name, workflowId };
  const upload = await insist("an upload to be taken", () => inTime(Upload.create(api, source, metadata)));
  await insist(`${name} to be uploaded`, async () => {
    // An answer that was lost leaves open whether the last piece came: the title knows.
    if ((await inTime(api.get(`/v1/titles/${upload.fileId}`))).state !== "uploading") return true;
    let offset = await inTime(upload.offset());
    while (offset < source.length) {
      const to = Math.min(offset + PIECE_BYTES, source.length);
      const answer = await inTime(upload.patch(offset, to));
      if (answer.status !== 204) throw new Error(`PATCH: ${answer.status} ${answer.bytes}`);
      offset = to;
      await sleep(20);
    }
    return true;
  });
  return upload.fileId;
}

/** A title that was taken has to be published, and nothing else is an end. */
export async function published(api, fileId) {
  let title = null;
  const ask = async () => {
    title = await inTime(api.get(`/v1/titles/${fileId}`)).catch(() => title);
    return ["published", "failed"].includes(title?.state);
  };
  await until(`${fileId} to be made`, ask, { everyMs: 250, limitMs: MADE_MS_MAX, seen: () => JSON.stringify(title) });
  return title;
}

/** Players that play a title again and again until they are told to end. */
export class Audience {
  #over = false;
  #playing = [];
  failures = [];

  /** `sign(fileId)` makes a signature as an application's own server does. */
  constructor({ decryptor, cluster, sign }, fileIds, count) {
    this.players = Array.from({ length: count }, (_, number) => {
      const player = new Player(decryptor, cluster.url, () => sign(fileIds[number % fileIds.length]));
      this.#playing.push(this.#play(player, number));
      return player;
    });
  }

  get segments() {
    return this.players.reduce((sum, { segments }) => sum + segments, 0);
  }

  get grants() {
    return this.players.flatMap(({ grants }) => grants);
  }

  async end() {
    this.#over = true;
    await Promise.all(this.#playing);
    for (const player of this.players) player.close();
  }

  async #play(player, number) {
    while (!this.#over) {
      try {
        await player.play({ paceMs: 150, isOver: () => this.#over });
      } catch (thrown) {
        // Whoever gave up stays so: the run has failed.
        this.failures.push(`player ${number + 1}: ${thrown.message}`);
        return;
      }
    }
  }
}

/** A server that hangs keeps a request of ours until it goes on; we leave it alone meanwhile. */
function inTime(answer) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ANSWER_MS_MAX} ms`)), ANSWER_MS_MAX);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

async function insist(what, act) {
  const end = performance.now() + UPLOAD_MS_MAX;
  for (let delayMs = 250; ; delayMs = Math.min(delayMs * 2, 4000)) {
    try {
      return await act();
    } catch (thrown) {
      if (performance.now() > end) throw new Error(`waited in vain for ${what}: ${thrown.message}`);
      await sleep(delayMs);
    }
  }
}
