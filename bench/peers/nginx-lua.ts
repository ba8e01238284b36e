import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { find, versionOf } from '../machine.ts';
import { nginxCommon, nginxFrame } from '../upstream.ts';
import type { Peer } from './peer.ts';

/** The lines that load the modules; undefined if there are none. OpenResty has Lua built in. */
function lua(): { program: string; load: string } | undefined {
  const openresty = find('openresty');
  if (openresty !== undefined) return { program: openresty, load: '' };
  const nginx = find('nginx');
  if (nginx === undefined) return undefined;
  const { stderr } = spawnSync(nginx, ['-V'], { encoding: 'utf8', timeout: 5_000 });
  const folder = /--modules-path=(\S+)/.exec(stderr)?.[1] ?? '/usr/lib/nginx/modules';
  const files = ['ndk_http_module.so', 'ngx_http_lua_module.so'].map((file) => join(folder, file));
  return isAbsolute(folder) && files.every((file) => existsSync(file))
    ? { program: nginx, load: files.map((file) => `load_module ${file};\n`).join('') }
    : undefined;
}

/**
 * nginx with Lua as somebody who knows both would write it: the token in a shared dict, one renewal behind a lock, one
 * replay after a 401.
 */
export const nginxLua: Peer = {
  name: 'nginx-lua',
  about: 'token in a shared dict, renewed behind a lock and replayed on a 401; one worker',
  keepsAlive: true,
  slowRunsOnly: true,
  missing: () => (lua() === undefined ? "nginx's Lua module is not installed" : undefined),
  async start({ processes, folder, port, cpu, upstreamPort, tokenEndpoint }) {
    const { program, load } = lua()!;
    const login = new URL(tokenEndpoint);
    const toUpstream = `
      proxy_http_version 1.1;
      proxy_set_header Host 127.0.0.1:${upstreamPort};
      proxy_set_header Connection "";
      proxy_set_header Authorization $token;
      proxy_max_temp_file_size 0;`;
    writeFileSync(join(folder, 'token.lua'), tokenModule(login.hostname, Number(login.port)));
    writeFileSync(
      join(folder, 'nginx.conf'),
      `${load}${nginxFrame()}
http {
${nginxCommon(folder)}
  client_max_body_size 16m;
  lua_package_path "${folder}/?.lua;;";
  lua_shared_dict tokens 1m;
  init_by_lua_block { token = require "token" }
  upstream api {
    server 127.0.0.1:${upstreamPort};
    keepalive 2048;
    keepalive_requests 1000000000;
    keepalive_timeout 60s;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    # A body must be kept whole to be sent again.
    client_body_buffer_size 2m;
    location / {
      set $token "";
      access_by_lua_block { ngx.var.token = token.current() }
      proxy_pass http://api;
      proxy_intercept_errors on;
      error_page 401 = @replay;${toUpstream}
    }
    location @replay {
      access_by_lua_block { ngx.var.token = token.newer_than(ngx.var.token) }
      proxy_pass http://api;${toUpstream}
    }
  }
}
`,
    );
    const started = processes.start(program, ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'], { cpu });
    await started.accepts(port);
    return { port, pids: [started.pid], version: versionOf(program, '-v'), stop: () => started.stop() };
  },
};

function tokenModule(host: string, port: number): string {
  return `local dict = ngx.shared.tokens
local M = {}

local function login()
  local socket = ngx.socket.tcp()
  socket:settimeout(10000)
  if not socket:connect("${host}", ${port}) then return nil end
  local body = '{"email":"bench@example.com","password":"bench","appId":"bench"}'
  socket:send("POST /v1/tokens HTTP/1.1\\r\\nHost: ${host}:${port}\\r\\nConnection: close\\r\\nContent-Type: application/json\\r\\nContent-Length: " .. #body .. "\\r\\n\\r\\n" .. body)
  local answer = socket:receive("*a")
  socket:close()
  return answer and answer:match('"accessToken":"([^"]+)"')
end

-- A token that is not the refused one. One request fetches it, the others wait.
function M.newer_than(refused)
  for _ = 1, 2000 do
    local token = dict:get("token")
    if token and token ~= refused then return token end
    if dict:add("lock", 1, 30) then
      token = dict:get("token")
      if not token or token == refused then
        token = login()
        if token then dict:set("token", token) end
      end
      dict:delete("lock")
      if not token then return ngx.exit(502) end
      return token
    end
    ngx.sleep(0.005)
  end
  return ngx.exit(504)
end

function M.current()
  return dict:get("token") or M.newer_than(nil)
end

return M
`;
}
