import { expect, test } from "vitest";
import { ApiKey } from "./api-key.ts";

const SECRET = `${"A".repeat(42)}_`;

test("an API key is taken apart at its last 43 characters, which may hold separators", () => {
  const apiKey = ApiKey.parse(` kv_my_id-1_${SECRET}\n`);
  expect(apiKey?.id).toBe("my_id-1");
  expect(apiKey?.bearer()).toBe(`Bearer kv_my_id-1_${SECRET}`);
});

test("what is no API key is refused", () => {
  for (const text of ["", "kv_", `kv__${SECRET}`, `kv_id_${SECRET}A=`, `xx_id_${SECRET}`, `kv_id_${SECRET.slice(2)}`])
    expect(ApiKey.parse(text), text).toBeNull();
});

test("its secret shows in no text of it", () => {
  const apiKey = ApiKey.parse(`kv_id_${SECRET}`);
  expect(`${apiKey}${JSON.stringify(apiKey)}`).not.toContain(SECRET);
});
