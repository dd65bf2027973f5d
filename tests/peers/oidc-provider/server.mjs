// oidc-provider as a peer of the end-to-end tests: an authorization server that is not ours, with refresh token rotation on.
//
//   node server.mjs FOLDER LIFETIME_S
//
// FOLDER holds node_modules; access tokens live for LIFETIME_S. Both servers listen on loopback, on ports of the system's
// choice: the provider as it is, and beside it a control that stands in for people (a login without a browser, a
// revocation) and tells what the provider's own events counted. One line of JSON says where. It ends with its standard input.

import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import * as logins from './logins.mjs';

const [folder, lifetime] = process.argv.slice(2);
if (!folder || !(Number(lifetime) > 0)) {
  console.error('usage: node server.mjs FOLDER LIFETIME_S');
  process.exit(2);
}
// An import by name would look beside this file, and nothing is installed there.
const home = join(folder, 'node_modules', 'oidc-provider');
const { version, main } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
const { default: Provider, errors } = await import(pathToFileURL(join(home, main)));

const REFRESH_TOKEN_S = 86_400;
const SCOPE = 'openid offline_access';
const SUBJECT = 'alice';

// The port comes before the provider, which wants its issuer at birth.
const http = createServer();
await new Promise((done) => { http.listen(0, '127.0.0.1', done); });
const issuer = `http://127.0.0.1:${http.address().port}`;

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const provider = new Provider(issuer, {
  clients: logins.clients,
  jwks: { keys: [privateKey.export({ format: 'jwk' })] },
  cookies: { keys: ['only in this process'] },
  ttl: {
    AccessToken: Number(lifetime), ClientCredentials: Number(lifetime), RefreshToken: REFRESH_TOKEN_S, Grant: REFRESH_TOKEN_S, IdToken: Number(lifetime),
    Interaction: REFRESH_TOKEN_S, Session: REFRESH_TOKEN_S, DeviceCode: 600,
  },
  scopes: SCOPE.split(' '),
  features: { ...logins.features, revocation: { enabled: true, allowedPolicy: () => true } },
  fetch: logins.fetchDocument,
  rotateRefreshToken: true,
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
});

// What the provider says of itself, counted. A spent token that comes back is a `replay`; the provider answers it by revoking the
// grant, which is a `families_revoked`.
const counts = { token_requests: 0, in_flight: 0, max_in_flight: 0, rotations: 0, refused: 0, replays: 0, families_revoked: 0 };
provider.use(async (ctx, next) => {
  if (ctx.path !== '/token') return next();
  counts.token_requests += 1;
  counts.in_flight += 1;
  counts.max_in_flight = Math.max(counts.max_in_flight, counts.in_flight);
  try {
    await next();
  } finally {
    counts.in_flight -= 1;
  }
});
provider.on('refresh_token.consumed', () => { counts.rotations += 1; });
provider.on('grant.revoked', () => { counts.families_revoked += 1; });
provider.on('grant.error', (_, error) => {
  counts.refused += 1;
  if (error.error_detail === 'refresh token already used') counts.replays += 1;
});
provider.on('server_error', (_, error) => { console.error('server_error', error); });
const overheard = new logins.Overheard();
provider.use(overheard.listen);
await logins.addGrants(provider, folder, errors);
http.on('request', provider.callback());
const resource = await logins.protectedResource(provider);

const grants = new Set();
provider.on('access_token.saved', ({ grantId }) => { if (grantId) grants.add(grantId); });

async function mint() {
  const client = await provider.Client.find('renewd');
  const grant = new provider.Grant({ accountId: SUBJECT, clientId: client.clientId });
  grant.addOIDCScope(SCOPE);
  const grantId = await grant.save();
  grants.add(grantId);
  const now = Math.floor(Date.now() / 1000);
  const token = new provider.RefreshToken({
    accountId: SUBJECT, client, grantId, scope: SCOPE, gty: 'authorization_code', authTime: now, claims: {}, rotations: 0, iiat: now,
  });
  return { refresh_token: await token.save() };
}

/** Ends every login, as an administrator or the user's account page would. */
async function revoke() {
  for (const grantId of grants) {
    const grant = await provider.Grant.find(grantId);
    await provider.AccessToken.revokeByGrantId(grantId);
    await provider.RefreshToken.revokeByGrantId(grantId);
    await grant?.destroy();
  }
  grants.clear();
  return {};
}

/** Forgets every client that registered itself, as a server does that lost them, or grew tired of them. */
async function forget() {
  for (const id of registered) await provider.Client.adapter.destroy(id);
  const forgotten = [...registered];
  registered.clear();
  return { forgotten };
}

const registered = new Set();
provider.on('registration_create.success', (_, client) => { registered.add(client.clientId); });

const routes = {
  'POST /mint': mint,
  'POST /revoke': revoke,
  'POST /forget': forget,
  'GET /counts': async () => counts,
  'GET /clients': async () => logins.told(),
  'GET /overheard': overheard.told,
};
const control = createServer((request, response) => {
  const route = routes[`${request.method} ${request.url}`];
  const answer = (status, value) => {
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
    response.end(JSON.stringify(value));
  };
  if (!route) return answer(404, { error: 'no such control' });
  return route().then((value) => answer(200, value), (error) => answer(500, { error: String(error?.stack ?? error) }));
});
await new Promise((done) => { control.listen(0, '127.0.0.1', done); });

// Whoever started this holds its standard input: no server outlives its test.
process.stdin.on('end', () => process.exit(0)).resume();

console.log(JSON.stringify({
  peer: 'oidc-provider',
  version,
  issuer,
  token_endpoint: `${issuer}/token`,
  userinfo_endpoint: `${issuer}/me`,
  revocation_endpoint: `${issuer}/token/revocation`,
  introspection_endpoint: `${issuer}/token/introspection`,
  resource,
  client_id: 'renewd',
  control: `http://127.0.0.1:${control.address().port}`,
}));
