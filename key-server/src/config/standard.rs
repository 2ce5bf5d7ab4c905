use serde::Deserialize;

const TOKEN_PARAMETER_LEN_MAX: usize = 64;
const KEY_USES_MAX: u32 = 10_000;
/// Names that key addresses of other vendors' playlists have for something else.
const TAKEN: [&str; 2] = ["Ciphertext", "MediaId"];

/// `[standard]`: titles for players that are not ours (docs/DELIVERY.md).
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StandardConfig {
    /// The query parameter that carries the token.
    pub token_parameter: String,
    /// How often a session may ask for each key of its title, taken together.
    pub key_uses: u32,
}

impl Default for StandardConfig {
    fn default() -> Self {
        Self { token_parameter: "MtsHlsUriToken".to_owned(), key_uses: 16 }
    }
}

impl StandardConfig {
    pub(super) fn check(&self) -> Result<(), String> {
        let name = &self.token_parameter;
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if !(1..=TOKEN_PARAMETER_LEN_MAX).contains(&name.len()) || !plain || TAKEN.contains(&name.as_str()) {
            return Err(
                "standard.token_parameter must be 1 … 64 of A–Z a–z 0–9 _ -, and neither Ciphertext nor MediaId"
                    .to_owned(),
            );
        }
        if !(1..=KEY_USES_MAX).contains(&self.key_uses) {
            return Err(format!("standard.key_uses must be 1 … {KEY_USES_MAX}"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_a_plain_name_and_uses_are_bounded() {
        let with = |name: &str, key_uses| StandardConfig { token_parameter: name.to_owned(), key_uses }.check();
        assert!(StandardConfig::default().check().is_ok());
        assert!(with("auth-token_1", 1).is_ok());
        for name in ["", "a b", "a=b", "a&b", "ä", "Ciphertext", "MediaId", &"x".repeat(65)] {
            assert!(with(name, 16).is_err(), "{name}");
        }
        for key_uses in [0, KEY_USES_MAX + 1] {
            assert!(with("token", key_uses).is_err(), "{key_uses}");
        }
    }
}
