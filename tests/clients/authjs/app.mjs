// An app that signs people in with Auth.js, one command a line on standard input. Auth.js reads who
// it is from the id token alone.

import { createInterface } from "node:readline";
import { Auth } from "@auth/core";

const { ISSUER, CLIENT_ID, CLIENT_SECRET, APP } = process.env;

const config = {
  basePath: "/auth",
  secret: "not a secret, since nothing here is kept",
  trustHost: true,
  providers: [
    {
      id: "mapae",
      name: "mapae",
      type: "oidc",
      issuer: ISSUER,
      clientId: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
      authorization: { params: { scope: "openid profile email" } },
    },
  ],
  logger: { error: (error) => (failure = error.cause?.err ?? error), warn() {}, debug() {} },
};

let cookies = new Map();
let failure;

async function ask(url, form) {
  const headers = { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") };
  const body = form && new URLSearchParams(form);
  const request = new Request(url, { method: form ? "POST" : "GET", headers, body });
  const response = await Auth(request, config);
  for (const line of response.headers.getSetCookie()) {
    const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
    value ? cookies.set(name, value) : cookies.delete(name);
  }
  return response;
}

const commands = {
  async leave() {
    cookies = new Map();
    const { csrfToken } = await (await ask(`${APP}/auth/csrf`)).json();
    const response = await ask(`${APP}/auth/signin/mapae`, { csrfToken, callbackUrl: APP });
    return response.headers.get("location");
  },
  async back(url) {
    failure = undefined;
    await ask(url);
    if (failure) throw failure;
    const session = await (await ask(`${APP}/auth/session`)).json();
    return JSON.stringify(session.user);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [command, argument] = line.trim().split(" ");
  if (command === "quit") break;
  let answer;
  try {
    answer = commands[command] ? `ok ${await commands[command](argument)}` : "error unknown command";
  } catch (refused) {
    answer = `refused ${refused.name} ${refused.message}`;
  }
  console.log(answer.replace(/\s+/g, " "));
}
process.exit(0);
