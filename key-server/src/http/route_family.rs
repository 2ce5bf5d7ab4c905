//! Which family of routes a request belongs to: few, whatever is asked for.

/// By the pattern that matched, never by the path.
pub(super) fn family_of(pattern: Option<&str>) -> &'static str {
    let Some(pattern) = pattern else { return "none" };
    match pattern {
        "/v1/play" => "play",
        "/v1/keys" => "keys",
        // Waits for a job, by design.
        "/v1/jobs/claim" => "job_claim",
        "/v1/changes" => "changes",
        "/v1/url-auth" => "media",
        "/healthz" | "/readyz" => "health",
        _ => below(pattern),
    }
}

fn below(pattern: &str) -> &'static str {
    const FAMILIES: [(&str, &str); 9] = [
        ("/media/", "media"),
        ("/v/", "media"),
        ("/{first}/{second}/v/", "media"),
        ("/v1/hls", "standard"),
        ("/v1/jobs", "jobs"),
        ("/v1/uploads", "uploads"),
        ("/v1/titles", "titles"),
        ("/v1/", "admin"),
        ("/", "pages"),
    ];
    FAMILIES.into_iter().find(|(start, _)| pattern.starts_with(start)).map_or("none", |(_, family)| family)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::http::router::every_resource;

    #[test]
    fn every_route_has_a_family_and_all_families_are_in_use() {
        let all: BTreeSet<_> = every_resource().iter().map(|(pattern, _)| family_of(Some(pattern))).collect();
        let known = [
            "admin",
            "changes",
            "health",
            "job_claim",
            "jobs",
            "keys",
            "media",
            "play",
            "standard",
            "titles",
            "uploads",
        ];
        assert_eq!(all, BTreeSet::from(known));
        assert_eq!(family_of(Some("/{path:.*}")), "pages");
        assert_eq!(family_of(None), "none");
    }

    #[test]
    fn families_are_those_of_what_is_done() {
        for (pattern, family) in [
            ("/v1/hls/{file_id}.m3u8", "standard"),
            ("/v1/hls-keys", "standard"),
            ("/{first}/{second}/v/{path:.*}", "media"),
            ("/v1/jobs/{job_id}/media/{path:.*}", "jobs"),
            ("/v1/titles/{file_id}/periods", "titles"),
            ("/v1/sign-in", "admin"),
        ] {
            assert_eq!(family_of(Some(pattern)), family, "{pattern}");
        }
    }
}
