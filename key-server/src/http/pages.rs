//! The console, the player page and the SDK: static files with the policies that keep the player's parts apart.

use std::path::{Path, PathBuf};

use actix_files::NamedFile;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use keyveil_protocol::ErrorCode;

use super::envelope::HttpRefusal;
use crate::origin::{locate, plain_path};
use crate::refusal::Refusal;
use crate::sdk_files::build_of;
use crate::state::ServerState;

const PAGE_POLICY: &str = "default-src 'self'; worker-src 'self'; media-src 'self' blob: data:; img-src 'self' data: blob:; \
                           style-src 'self' 'unsafe-inline'; connect-src 'self'; object-src 'none'; base-uri 'none'; \
                           frame-ancestors 'self'";
/// A worker obeys the policy of its own file: only there may WebAssembly be compiled, and media be fetched from anywhere.
const WORKER_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src *";
const CACHE_HASHED: &str = "public, max-age=31536000, immutable";
const CACHE_REVALIDATE: &str = "no-cache";

enum Found {
    File(PathBuf),
    /// A folder asked for without its slash.
    Folder,
}

pub(super) async fn pages(state: web::Data<ServerState>, request: HttpRequest) -> Result<HttpResponse, HttpRefusal> {
    let not_found = || Refusal::new(ErrorCode::NotFound, "no such page");
    let path = request.path();
    if path.starts_with("/v1/") || path.starts_with("/media/") {
        return Err(not_found().into());
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Refusal::new(ErrorCode::MethodNotAllowed, "pages are only read").into());
    }
    let (folders, relative) = match path.strip_prefix("/sdk/") {
        Some(rest) => (state.config.sdk_dirs(), rest),
        None => (vec![state.config.pages.www_dir.clone()], path.strip_prefix('/').unwrap_or(path)),
    };
    let name = if relative.is_empty() || relative.ends_with('/') {
        format!("{relative}index.html")
    } else {
        relative.to_owned()
    };
    let relative = plain_path(&name).ok_or_else(not_found)?;
    let opened = web::block(move || open(&folders, &relative)).await;
    match opened {
        Ok(Some((Found::File(file), Some(named)))) => Ok(answer(&request, &file, named)),
        // An address of this server, so that nothing in the path can point elsewhere.
        Ok(Some((Found::Folder, _))) => {
            Ok(HttpResponse::PermanentRedirect().insert_header((header::LOCATION, format!("{path}/"))).finish())
        }
        Ok(_) => Err(not_found().into()),
        Err(_) => Err(Refusal::new(ErrorCode::Unavailable, "page look-up was cut off").into()),
    }
}

/// The first folder that has it wins. Blocks.
fn open(folders: &[PathBuf], relative: &Path) -> Option<(Found, Option<NamedFile>)> {
    let path = folders.iter().find_map(|folder| locate(folder, relative).ok())?;
    if path.is_dir() {
        return Some((Found::Folder, None));
    }
    let named = NamedFile::open(&path).ok()?;
    Some((Found::File(path), Some(named)))
}

fn answer(request: &HttpRequest, file: &Path, named: NamedFile) -> HttpResponse {
    let mut response = named.disable_content_disposition().prefer_utf8(true).into_response(request);
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_worker = name.starts_with("worker") && name.ends_with(".js");
    let is_sdk = request.path().starts_with("/sdk/");
    let headers = response.headers_mut();
    let policy = if is_worker { WORKER_POLICY } else { PAGE_POLICY };
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    // Vite puts a hash into the name of everything under /assets/, and so does `build write` into that of its wasm.
    let hashed = request.path().starts_with("/assets/") || (is_sdk && build_of(name).is_some());
    headers
        .insert(header::CACHE_CONTROL, HeaderValue::from_static(if hashed { CACHE_HASHED } else { CACHE_REVALIDATE }));
    let resource_policy = if is_sdk { "cross-origin" } else { "same-origin" };
    headers.insert(header::CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static(resource_policy));
    headers.insert(header::CROSS_ORIGIN_OPENER_POLICY, HeaderValue::from_static("same-origin"));
    response
}
