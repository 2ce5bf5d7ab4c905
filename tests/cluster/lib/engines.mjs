// What keeps the state of a cluster: PostgreSQL, and S3 as moto plays it. They outlive the servers that use them.
import { Moto } from "../../kms/lib/moto.mjs";
import { Postgres } from "./postgres.mjs";
import { relay } from "./relays.mjs";

/** What servers need to know of one database and one bucket, and what tests need to look into them. As JSON it can be given to other processes. */
export class Place {
  constructor({ name, env, objectsUrl }) {
    this.name = name;
    this.env = env;
    this.objectsUrl = objectsUrl;
  }

  /** The bytes of a version's media by their path, or none. */
  async media(folderName) {
    const moto = Moto.at(this.objectsUrl);
    const prefix = `prod/media/${folderName}/`;
    const keys = await moto.objects(this.name, prefix);
    const read = async (key) => [key.slice(prefix.length), await moto.object(this.name, key)];
    return new Map(await Promise.all(keys.map(read)));
  }

  /** Loses the last segment of one title, whichever comes first. Answers its name. */
  async loseSegment() {
    const moto = Moto.at(this.objectsUrl);
    const lost = (await moto.objects(this.name, "prod/media/")).findLast((key) => /\/seg-/.test(key));
    await moto.removeObject(this.name, lost);
    return lost;
  }
}

export class Engines {
  #moto;

  /** `folder`: where the database is to lie, when not in one of its own. */
  static async start({ folder } = {}) {
    const engines = new Engines();
    try {
      engines.postgres = await Postgres.start({ folder });
      engines.#moto = await Moto.start();
      engines.s3 = await relayTo(engines.#moto);
      await engines.s3.start();
    } catch (error) {
      await engines.stop();
      throw error;
    }
    return engines;
  }

  /** A database and a bucket, both empty. */
  async makePlace(name) {
    const bucket = await this.#moto.makeBucket(name, "proxy");
    const database = await this.postgres.createDatabase(name);
    const env = { ...bucket, KEYVEIL_DATABASE_URL: database, KEYVEIL_STORAGE_ENDPOINT: this.s3.url };
    return new Place({ name, env, objectsUrl: this.#moto.url });
  }

  async stop() {
    await this.s3?.stop();
    await this.#moto?.kill();
    await this.postgres?.stop();
    this.postgres?.remove();
  }
}

/** moto keeps its objects in memory: its own death would be the loss of a bucket, which S3 does not know. What dies is the way to it. */
async function relayTo(moto) {
  const member = await relay("127.0.0.1", Number(new URL(moto.url).port), "s3");
  return Object.assign(member, { url: `http://127.0.0.1:${member.port}` });
}
