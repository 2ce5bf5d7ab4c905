// Who uses the console: signing in and out, the password, and a sign-in that ends while one works.
import { test } from "@playwright/test";
import { choose, expect, signedIn, startConsole } from "./lib/console.mjs";

let server;

test.beforeEach(async ({ context }) => {
  server = await startConsole({ titles: 12 });
  await choose(context, {});
});

test.afterEach(() => server.close());

const PASSWORD = "correct horse battery";

async function enter(page, password) {
  await page.getByLabel("Name").fill("owner");
  await page.getByLabel("Password").fill(password);
  await page.keyboard.press("Enter");
}

test("a wrong password is refused in words, too many are slowed, the right one leads to the page asked for", async ({
  page,
}) => {
  await page.goto(server.address("/titles/f10001"));
  await expect(page.getByLabel("Name")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByText("Fill this in.")).toHaveCount(2);
  await enter(page, "wrong");
  await expect(page.getByRole("alert")).toContainText("Name or password is wrong.");
  await expect(page.getByLabel("Password")).toBeFocused();
  await expect(page.getByLabel("Password")).toHaveValue("");
  for (let attempt = 0; attempt < 5; attempt += 1) {
    await enter(page, "wrong");
    await expect(page.getByLabel("Password")).toHaveValue("");
  }
  await expect(page.getByRole("alert")).toContainText("Too many attempts");
  server.data.wrongSignIns = 0;
  await enter(page, PASSWORD);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Harbour: field notes");
});

test("signing out leads to the sign-in, and nothing can be read afterwards", async ({ page, context }) => {
  await signedIn(context, server);
  await page.goto(server.address());
  await expect(page.getByRole("table")).toBeVisible();
  await page.getByRole("button", { name: "Account of owner" }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Sign in");
  await expect(page.getByRole("table")).toHaveCount(0);
  await page.reload();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Sign in");
});

test("a sign-in that has ended leads to the form and back to the same page", async ({ page, context }) => {
  await signedIn(context, server);
  await page.goto(server.address("/titles?state=published"));
  await expect(page.getByRole("table")).toBeVisible();
  server.data.signedIn = false;
  await page.getByRole("searchbox").fill("harbour");
  await expect(page.getByText("You were signed out.")).toBeVisible();
  await enter(page, PASSWORD);
  await expect(page.getByRole("searchbox")).toHaveValue("harbour");
  await expect(page.getByRole("row", { name: /Harbour/ })).toHaveCount(1);
  expect(page.url()).toContain("state=published");
});

test("the password is changed only by who knows it", async ({ page, context }) => {
  await signedIn(context, server);
  await page.goto(server.address());
  await page.getByRole("button", { name: "Account of owner" }).click();
  await page.getByRole("menuitem", { name: "Change password" }).click();
  const form = page.getByRole("dialog");
  const submit = form.getByRole("button", { name: "Change password" });
  await form.getByLabel("Current password").fill("not it");
  await form.getByLabel("New password", { exact: true }).fill("short");
  await form.getByLabel("New password again").fill("other");
  await submit.click();
  await expect(form.getByText("Use at least 12 characters.")).toBeVisible();
  await form.getByLabel("New password", { exact: true }).fill("a new long password");
  await submit.click();
  await expect(form.getByText("The two are not the same.")).toBeVisible();
  await form.getByLabel("New password again").fill("a new long password");
  await submit.click();
  await expect(form.getByRole("alert")).toContainText("Name or password is wrong");
  expect(server.data.password).toBe(PASSWORD);
  await form.getByLabel("Current password").fill(PASSWORD);
  await submit.click();
  await expect(form).toHaveCount(0);
  await expect(page.getByRole("status")).toContainText("The password was changed.");
  expect(server.data.password).toBe("a new long password");
});

test("another application shows its own titles only, also after a reload", async ({ page, context }) => {
  await signedIn(context, server);
  await page.goto(server.address());
  await expect(page.getByRole("table")).toBeVisible();
  await page.getByRole("combobox", { name: "Application" }).selectOption("App 2");
  await expect(page.getByRole("heading", { name: "No titles yet" })).toBeVisible();
  await page.reload();
  await expect(page.getByRole("heading", { name: "No titles yet" })).toBeVisible();
  await expect(page.getByText("App ID 1000002")).toBeVisible();
});
