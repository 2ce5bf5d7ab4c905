//! The pages, and the player's files of a build in use.

use keyveil_protocol::BuildId;
use serde::Deserialize;

use super::finding::Findings;
use crate::config::Config;
use crate::store::Store;

const PAGES: &str = "pages";
const SDK: &str = "SDK";
/// Each is a page of its own.
const NEEDED: [&str; 3] = ["index.html", "console/index.html", "player/index.html"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Served {
    build_id: BuildId,
    wasm: String,
}

pub(super) async fn look(config: &Config, store: Option<&Store>, findings: &mut Findings) {
    let folder = &config.pages.www_dir;
    let missing: Vec<&str> = NEEDED.into_iter().filter(|page| !folder.join(page).is_file()).collect();
    if missing.is_empty() {
        findings.ok(PAGES, format!("console and player are in {}", folder.display()));
    } else {
        let what = format!("{} has no {}", folder.display(), missing.join(", no "));
        findings.problem(PAGES, what, "run `npm run build` and set pages.www_dir to www/dist");
    }
    sdk(config, store, findings).await;
}

/// As a browser gets them: the first folder that has a file wins.
async fn sdk(config: &Config, store: Option<&Store>, findings: &mut Findings) {
    const WRITE: &str = "run `key-server build write --sdk player-wasm/dist --out DATA/sdk`";
    let folders = config.sdk_dirs();
    let file = |name: &str| folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file());
    if file("worker.js").is_none() || file("index.js").is_none() {
        findings.problem(SDK, "no folder of pages.sdk_dirs has the player", "run `npm run build -- --data DATA`");
        return;
    }
    let served = file("sdk.json").and_then(|path| std::fs::read(path).ok());
    let Some(served) = served.and_then(|bytes| serde_json::from_slice::<Served>(&bytes).ok()) else {
        findings.problem(SDK, "the player is there as it is shipped, which starts no session (no sdk.json)", WRITE);
        return;
    };
    if file(&served.wasm).is_none() {
        findings.problem(SDK, format!("sdk.json names {}, which no folder of pages.sdk_dirs has", served.wasm), WRITE);
        return;
    }
    let Some(store) = store else {
        findings.skipped(SDK, format!("of build {}; whether it is in use, the database would say", served.build_id));
        return;
    };
    match store.sdk_builds().await {
        Err(error) => findings.problem(SDK, error.to_string(), "see what is said of the database"),
        Ok(builds) => match builds.iter().find(|build| build.id == served.build_id) {
            Some(build) if build.retired_at.is_none() => {
                findings.ok(SDK, format!("the player is of build {}, which is in use", served.build_id));
            }
            Some(_) => {
                findings.problem(SDK, format!("the player is of build {}, which is retired", served.build_id), WRITE)
            }
            None => findings.problem(
                SDK,
                format!("the player is of build {}, which this installation does not know", served.build_id),
                WRITE,
            ),
        },
    }
}
