// The browsable description: built from openapi.json, with no library and no markup from strings.
'use strict';

const make = (tag, attrs = {}, ...kids) => {
  const el = document.createElement(tag);
  for (const [k, v] of Object.entries(attrs)) {
    if (k === 'class') el.className = v;
    else if (k.startsWith('on')) el.addEventListener(k.slice(2), v);
    else el.setAttribute(k, v);
  }
  for (const kid of kids.flat(Infinity)) if (kid !== null && kid !== undefined) el.append(kid);
  return el;
};

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
let api = null;
let token = '';

const deref = (s) => (s && s.$ref ? api.components.schemas[s.$ref.split('/').pop()] : s);

// An example from what the schema says, when none is written down.
function sample(schema, depth = 0) {
  const s = deref(schema);
  if (!s || depth > 6) return null;
  if (s.example !== undefined) return s.example;
  if (s.examples) return s.examples[0];
  if (s.enum) return s.enum[0];
  if (s.allOf) return Object.assign({}, ...s.allOf.map((p) => sample(p, depth + 1)));
  const one = (s.oneOf || s.anyOf || []).find((p) => p.type !== 'null');
  if (one) return sample(one, depth + 1);
  const type = Array.isArray(s.type) ? s.type.find((t) => t !== 'null') : s.type;
  if (type === 'object' || s.properties) {
    return Object.fromEntries(Object.entries(s.properties || {}).map(([k, v]) => [k, sample(v, depth + 1)]));
  }
  if (type === 'array') return [sample(s.items, depth + 1)];
  if (type === 'integer') return 0;
  if (type === 'boolean') return false;
  return type === 'string' ? 'text' : null;
}

const typeOf = (schema) => {
  if (!schema) return '';
  if (schema.$ref) return schema.$ref.split('/').pop();
  const one = (schema.oneOf || schema.anyOf || []).map(typeOf).filter((t) => t && t !== 'null');
  if (one.length) return one.join(' or ');
  const t = Array.isArray(schema.type) ? schema.type.filter((x) => x !== 'null').join(' or ') : schema.type || 'any';
  return t === 'array' ? `list of ${typeOf(schema.items)}` : t;
};

const json = (v) => make('pre', {}, JSON.stringify(v, null, 2));

function fields(schema) {
  const s = deref(schema);
  if (!s || !s.properties) return null;
  const rows = Object.entries(s.properties).map(([name, p]) =>
    make('tr', {}, make('td', {}, make('code', {}, name + ((s.required || []).includes(name) ? ' *' : ''))), make('td', {}, typeOf(p)), make('td', {}, deref(p)?.description || p.description || '')));
  return make('table', {}, make('tbody', {}, rows));
}

function content(holder) {
  const [type, c] = Object.entries(holder?.content || {})[0] || [];
  if (!c) return { type: null };
  return { type, schema: c.schema, example: c.example !== undefined ? c.example : c.schema ? sample(c.schema) : null };
}

function operation(path, method, op) {
  const body = make('div', { class: 'body' });
  let filled = false;
  const el = make('details', { 'data-text': `${method} ${path} ${op.summary || ''} ${op['x-right'] || ''}`.toLowerCase() },
    make('summary', {}, make('span', { class: 'method' }, method.toUpperCase()), make('code', {}, path), make('span', {}, op.summary || ''), make('span', { class: 'right' }, op['x-right'] || '')), body);
  el.addEventListener('toggle', () => {
    if (!el.open || filled) return;
    filled = true;
    if (op.description) body.append(make('p', {}, op.description));
    const params = op.parameters || [];
    if (params.length) {
      body.append(make('h3', {}, 'Parameters'), make('table', {}, make('tbody', {}, params.map((p) =>
        make('tr', {}, make('td', {}, make('code', {}, p.name + (p.required ? ' *' : ''))), make('td', {}, p.in), make('td', {}, p.description || ''))))));
    }
    const asked = content(op.requestBody);
    if (asked.type) {
      body.append(make('h3', {}, `Body (${asked.type})`));
      const table = fields(asked.schema);
      if (table) body.append(table);
    }
    body.append(make('h3', {}, 'Answers'));
    for (const [status, r] of Object.entries(op.responses || {})) {
      const c = content(r);
      body.append(make('p', {}, make('strong', { class: status < 300 ? 'ok' : 'no' }, status), ` ${r.description || ''}`));
      if (status < 300 && c.type) {
        const table = fields(c.schema);
        if (table) body.append(table);
        if (c.example !== null && c.example !== undefined) body.append(json(c.example));
      }
    }
    body.append(tryIt(path, method, params, asked));
  });
  return el;
}

function tryIt(path, method, params, asked) {
  const inputs = params.map((p) => [p, make('input', { 'aria-label': p.name, placeholder: p.name === 'Idempotency-Key' ? 'made for you' : '' })]);
  const text = asked.type === 'application/json' ? make('textarea', { 'aria-label': 'Body', spellcheck: 'false' }) : null;
  if (text) text.value = JSON.stringify(asked.example ?? {}, null, 2);
  const out = make('div');
  const send = async () => {
    let url = path;
    const query = new URLSearchParams();
    const headers = { Accept: 'application/json' };
    for (const [p, input] of inputs) {
      const v = input.value.trim();
      if (p.in === 'path') url = url.replace(`{${p.name}}`, encodeURIComponent(v));
      else if (p.in === 'query' && v) query.set(p.name, v);
      else if (p.in === 'header') headers[p.name] = v || crypto.randomUUID();
    }
    if (token) headers.Authorization = `Bearer ${token}`;
    if (text) headers['Content-Type'] = 'application/json';
    const asks = [...query].length ? `${url}?${query}` : url;
    out.replaceChildren(make('p', {}, 'Sending…'));
    try {
      const r = await fetch(asks, { method: method.toUpperCase(), headers, body: text ? text.value : undefined });
      const kind = r.headers.get('content-type') || '';
      const shown = kind.includes('json') ? json(await r.json()) : make('pre', {}, kind.startsWith('text/event') ? 'a stream of events: open it with curl -N' : (await r.text()).slice(0, 20000));
      out.replaceChildren(make('p', { class: r.ok ? 'ok' : 'no' }, `${r.status} ${r.statusText}`), shown);
    } catch (e) {
      out.replaceChildren(make('p', { class: 'no' }, String(e)));
    }
  };
  const streams = path === '/api/v1/events';
  return make('div', { class: 'try' }, make('h3', {}, 'Try it'),
    streams ? make('p', {}, 'This one does not end: curl -N with your token.') : [
      inputs.map(([p, input]) => make('label', {}, `${p.name} (${p.in})`, input)), text, make('div', {}, make('button', { type: 'button', onclick: send }, 'Send')), out]);
}

function show() {
  const list = document.getElementById('list');
  const tags = document.getElementById('tags');
  list.replaceChildren(make('p', { class: 'about' }, (api.info.description || '').replaceAll('**', '').replaceAll('`', '')));
  for (const t of api.tags || []) {
    const ops = [];
    for (const [path, item] of Object.entries(api.paths)) {
      for (const m of METHODS) if (item[m] && (item[m].tags || []).includes(t.name)) ops.push(operation(path, m, item[m]));
    }
    if (!ops.length) continue;
    list.append(make('h2', { id: `tag-${t.name}` }, t.name), make('p', { class: 'about' }, t.description || ''), ...ops);
    tags.append(make('a', { href: `#tag-${t.name}` }, `${t.name} (${ops.length})`));
  }
}

async function who() {
  const says = document.getElementById('who');
  if (!token) { says.textContent = ''; return; }
  const r = await fetch('/api/v1/auth/me', { headers: { Authorization: `Bearer ${token}` } });
  const b = await r.json();
  says.textContent = r.ok ? `${b.name} (${(b.roles || ['client']).join(', ')})` : b.detail;
}

document.getElementById('find').addEventListener('input', (e) => {
  const words = e.target.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const d of document.querySelectorAll('details')) d.hidden = !words.every((w) => d.dataset.text.includes(w));
});
document.getElementById('keep').addEventListener('click', () => {
  token = document.getElementById('token').value.trim();
  who();
});
fetch('/api/openapi.json').then((r) => r.json()).then((d) => { api = d; show(); }, (e) => {
  document.getElementById('list').textContent = `The description could not be loaded: ${e}`;
});
