package site

import (
	"maps"
	"slices"
	"strings"
)

// defaultType is for a file whose extension says nothing.
const defaultType = "application/octet-stream"

// contentType is the media type for a file name, by its extension in any case.
// The table is the program's own rather than the machine's, so that a site is
// served alike everywhere. Text is declared to be UTF-8; formats that declare
// their encoding themselves, such as JSON and SVG, have no charset parameter.
func contentType(name string) string {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 || strings.IndexByte(name[dot:], '/') >= 0 {
		return defaultType
	}
	if t, ok := types[strings.ToLower(name[dot+1:])]; ok {
		return t
	}
	return defaultType
}

// Extension is one by which a file name gets the media type given, parameters aside;
// empty if there is none.
func Extension(mediaType string) string { return extensions[essence(mediaType)] }

// essence is a media type without parameters.
func essence(mediaType string) string {
	name, _, _ := strings.Cut(mediaType, ";")
	return strings.ToLower(strings.TrimSpace(name))
}

// extensions has for each type the one that its name ends with, if there is such.
var extensions = func() map[string]string {
	all := map[string]string{"text/plain": "txt", "text/javascript": "js"}
	for _, extension := range slices.Sorted(maps.Keys(types)) {
		name := essence(types[extension])
		if all[name] == "" || strings.HasSuffix(name, "/"+extension) {
			all[name] = extension
		}
	}
	return all
}()

var types = map[string]string{
	"html":  "text/html; charset=utf-8",
	"htm":   "text/html; charset=utf-8",
	"xhtml": "application/xhtml+xml",
	"css":   "text/css; charset=utf-8",
	"js":    "text/javascript; charset=utf-8",
	"mjs":   "text/javascript; charset=utf-8",
	"txt":   "text/plain; charset=utf-8",
	"text":  "text/plain; charset=utf-8",
	"log":   "text/plain; charset=utf-8",
	"conf":  "text/plain; charset=utf-8",
	"md":    "text/markdown; charset=utf-8",
	"csv":   "text/csv; charset=utf-8",
	"tsv":   "text/tab-separated-values; charset=utf-8",
	"ics":   "text/calendar; charset=utf-8",
	"vtt":   "text/vtt; charset=utf-8",
	"vcf":   "text/vcard; charset=utf-8",
	"yaml":  "application/yaml",
	"yml":   "application/yaml",
	"toml":  "application/toml",
	"xml":   "text/xml; charset=utf-8",
	"xsl":   "text/xml; charset=utf-8",
	"rss":   "application/rss+xml",
	"atom":  "application/atom+xml",

	"json":        "application/json",
	"map":         "application/json",
	"jsonld":      "application/ld+json",
	"ndjson":      "application/x-ndjson",
	"geojson":     "application/geo+json",
	"webmanifest": "application/manifest+json",
	"wasm":        "application/wasm",

	"svg":  "image/svg+xml",
	"png":  "image/png",
	"apng": "image/apng",
	"jpg":  "image/jpeg",
	"jpeg": "image/jpeg",
	"gif":  "image/gif",
	"webp": "image/webp",
	"avif": "image/avif",
	"bmp":  "image/bmp",
	"ico":  "image/x-icon",
	"tif":  "image/tiff",
	"tiff": "image/tiff",

	"woff":  "font/woff",
	"woff2": "font/woff2",
	"ttf":   "font/ttf",
	"otf":   "font/otf",

	"mp3":  "audio/mpeg",
	"m4a":  "audio/mp4",
	"aac":  "audio/aac",
	"oga":  "audio/ogg",
	"ogg":  "audio/ogg",
	"opus": "audio/ogg",
	"wav":  "audio/wav",
	"flac": "audio/flac",
	"weba": "audio/webm",

	"mp4":  "video/mp4",
	"m4v":  "video/mp4",
	"webm": "video/webm",
	"ogv":  "video/ogg",
	"mov":  "video/quicktime",
	"mpg":  "video/mpeg",
	"mpeg": "video/mpeg",
	"ts":   "video/mp2t",
	"m3u8": "application/vnd.apple.mpegurl",
	"mpd":  "application/dash+xml",

	"pdf":  "application/pdf",
	"epub": "application/epub+zip",
	"rtf":  "application/rtf",
	"zip":  "application/zip",
	"gz":   "application/gzip",
	"bz2":  "application/x-bzip2",
	"xz":   "application/x-xz",
	"zst":  "application/zstd",
	"7z":   "application/x-7z-compressed",
	"tar":  "application/x-tar",
	"jar":  "application/java-archive",
	"bin":  defaultType,
}
