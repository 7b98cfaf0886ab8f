// An OpenID provider for one machine, on which signing in with an account elsewhere can be tried.
// It is the package oidc-provider with its own pages: anybody signs in there, under any name and
// without a password that counts, so nothing that is worth anything may believe it.
//
//     npm ci
//     CLIENT_SECRET=… node provider.mjs --callback http://localhost:8000/auth/elsewhere/callback
//
//   --callback   where it sends people back to; it is compared character by character
//   --issuer     its own address, http://127.0.0.1:9000 by default; with port 0 one that is free.
//                To a browser this is another site than localhost, as any provider's is
//   --verified   a name whose address it says it has verified; may be given several times
//   --pushed     takes pushed authorization requests (RFC 9126)
//
// Whoever signs in as ada is the subject ada, with the address ada@example.com. The client is called
// watchword. It prints its issuer once it answers, and forgets everything when it ends.
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import Provider from 'oidc-provider';

const { values: asked } = parseArgs({
  options: {
    callback: { type: 'string' },
    issuer: { type: 'string', default: 'http://127.0.0.1:9000' },
    verified: { type: 'string', multiple: true, default: [] },
    pushed: { type: 'boolean', default: false },
  },
});
const secret = process.env.CLIENT_SECRET;
if (!asked.callback || !secret) {
  console.error('Name the --callback, and set CLIENT_SECRET.');
  process.exit(2);
}

function findAccount(_, name) {
  const verified = asked.verified.includes(name);
  const claims = { sub: name, name, email: `${name}@example.com`, email_verified: verified };
  return { accountId: name, claims: () => claims };
}

const address = new URL(asked.issuer);
const server = createServer();
server.listen(Number(address.port), address.hostname, () => {
  address.port = server.address().port;
  const provider = new Provider(address.origin, {
    clients: [
      { client_id: 'watchword', client_secret: secret, redirect_uris: [asked.callback] },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    features: {
      devInteractions: { enabled: true },
      pushedAuthorizationRequests: { enabled: asked.pushed },
    },
    pkce: { required: () => true },
    findAccount,
  });
  server.on('request', provider.callback());
  console.log(address.origin);
});
