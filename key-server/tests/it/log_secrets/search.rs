//! A log that is kept, and the search for secrets in every form that a log could have them in.

use std::io::Write;
use std::sync::{Arc, Mutex};

use base64ct::{Base64, Base64UrlUnpadded, Encoding};

/// Everything that this process logs from now on, under the filter `trace` as the server would have it.
pub(super) struct Captured(Arc<Mutex<Vec<u8>>>);

struct Lines(Arc<Mutex<Vec<u8>>>);

impl Captured {
    pub(super) fn begin() -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&text);
        let filter = keyveil_key_server::cli::log_filter("trace").unwrap();
        let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
        let subscriber = builder.with_writer(move || Lines(Arc::clone(&lines))).finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
        Self(text)
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }

    pub(super) fn forget_from(&self, len: usize) {
        self.0.lock().unwrap().truncate(len);
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Named secrets, each in its forms.
#[derive(Default)]
pub(crate) struct Secrets(Vec<(String, Vec<String>)>);

impl Secrets {
    pub(crate) fn text(&mut self, name: &str, secret: &str) {
        assert!(secret.len() >= 12, "{name} is too short to be told from chance");
        self.0.push((name.to_owned(), vec![secret.to_owned(), hex::encode(secret)]));
    }

    pub(crate) fn bytes(&mut self, name: &str, secret: &[u8]) {
        assert!(secret.len() >= 16, "{name} is too short to be told from chance");
        let numbers: Vec<String> = secret.iter().map(u8::to_string).collect();
        let escaped: String = secret.iter().map(|byte| byte.escape_ascii().to_string()).collect();
        let forms = vec![
            hex::encode(secret),
            hex::encode_upper(secret),
            Base64::encode_string(secret).trim_end_matches('=').to_owned(),
            Base64UrlUnpadded::encode_string(secret),
            numbers.join(", "),
            numbers.join(","),
            escaped,
        ];
        self.0.push((name.to_owned(), forms));
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Names of what is in `log`, in any form.
    pub(crate) fn found_in(&self, log: &str) -> Vec<String> {
        let is_there = |forms: &[String]| forms.iter().any(|form| log.contains(form.as_str()));
        self.0.iter().filter(|(_, forms)| is_there(forms)).map(|(name, _)| name.clone()).collect()
    }

    /// Each form with its secret's name.
    pub(crate) fn forms(&self) -> Vec<(String, String)> {
        self.0.iter().flat_map(|(name, forms)| forms.iter().map(|form| (name.clone(), form.clone()))).collect()
    }
}
