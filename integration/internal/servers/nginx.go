package servers

import "os"

// NginxFiles is nginx serving the files under root, with its cache of open
// files.
func NginxFiles(dir, root string, options ...Option) (*Server, error) {
	return nginx(dir, `
		sendfile on;
		tcp_nopush on;
		open_file_cache max=1000 inactive=60s;
		open_file_cache_valid 60s;
		server {
			listen LISTEN backlog=4096;
			root `+root+`;
		}`, options)
}

// NginxCompressing is nginx serving the files under root, compressed for clients
// that take that, and otherwise as it comes.
func NginxCompressing(dir, root string) (*Server, error) {
	return nginx(dir, `
		gzip on;
		gzip_types *;
		server {
			listen LISTEN;
			root `+root+`;
		}`, nil)
}

// NginxProxy is nginx in front of an origin at the address upstream, to which
// it keeps connections open.
func NginxProxy(dir, upstream string, options ...Option) (*Server, error) {
	return nginx(dir, `
		upstream origin {
			server `+upstream+`;
			keepalive 1024;
			keepalive_requests 100000000;
			keepalive_timeout 600s;
		}
		server {
			listen LISTEN backlog=4096;
			location / {
				proxy_pass http://origin;
				proxy_http_version 1.1;
				proxy_set_header Connection "";
			}
		}`, options)
}

// nginx runs in the foreground with one worker. Its keep-alive limits are set
// so high that no measurement meets them; everything it writes goes into dir.
func nginx(dir, http string, options []Option) (*Server, error) {
	user := ""
	if os.Getuid() == 0 {
		user = "user root;" // or its worker could not read the caller's folders
	}
	config := user + `
	daemon off;
	worker_processes 1;
	worker_rlimit_nofile 20000;
	pid FOLDER/nginx.pid;
	error_log stderr warn;
	events {
		use epoll;
		worker_connections 20000;
		multi_accept on;
	}
	http {
		access_log off;
		default_type application/octet-stream;
		tcp_nodelay on;
		keepalive_timeout 600s;
		keepalive_requests 100000000;
		client_max_body_size 0;
		client_body_temp_path FOLDER/body;
		proxy_temp_path FOLDER/proxy;
		fastcgi_temp_path FOLDER/fastcgi;
		uwsgi_temp_path FOLDER/uwsgi;
		scgi_temp_path FOLDER/scgi;
		` + http + `
	}
	`
	args := func(file string) []string { return []string{"-p", dir, "-e", "stderr", "-c", file} }
	return start(dir, program{name: "nginx", config: config, args: args}, options)
}
