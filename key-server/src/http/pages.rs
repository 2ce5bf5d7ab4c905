//! The console, the player page and the SDK: static files with the policies that keep the player's parts apart.

use std::path::{Path, PathBuf};

use actix_files::NamedFile;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use keyveil_protocol::ErrorCode;

use super::envelope::HttpRefusal;
use super::page_policy;
use crate::origin::{locate, plain_path};
use crate::refusal::Refusal;
use crate::sdk_files::build_of;
use crate::state::ServerState;

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
        Ok(Some((Found::File(file), Some(named)))) => {
            let policy = if is_worker(&file) {
                page_policy::of_worker(&state).await?
            } else {
                page_policy::of_pages(&state).await?
            };
            Ok(answer(&request, named, policy))
        }
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

fn is_worker(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with("worker") && name.ends_with(".js")
}

fn answer(request: &HttpRequest, named: NamedFile, policy: HeaderValue) -> HttpResponse {
    let mut response = named.disable_content_disposition().prefer_utf8(true).into_response(request);
    let is_sdk = request.path().starts_with("/sdk/");
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    // Vite puts a hash into the name of everything under /assets/, and so does `build write` into that of its wasm.
    let is_hashed_wasm = is_sdk && request.path().rsplit('/').next().and_then(build_of).is_some();
    let hashed = request.path().starts_with("/assets/") || is_hashed_wasm;
    headers
        .insert(header::CACHE_CONTROL, HeaderValue::from_static(if hashed { CACHE_HASHED } else { CACHE_REVALIDATE }));
    let resource_policy = if is_sdk { "cross-origin" } else { "same-origin" };
    headers.insert(header::CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static(resource_policy));
    headers.insert(header::CROSS_ORIGIN_OPENER_POLICY, HeaderValue::from_static("same-origin"));
    response
}
