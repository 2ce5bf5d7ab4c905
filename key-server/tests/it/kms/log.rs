//! What the engines say, to be looked at.

use std::io::Write;
use std::sync::{Arc, Mutex};

/// What was said so far.
pub(crate) struct Log {
    text: Arc<Mutex<Vec<u8>>>,
}

struct Lines(Arc<Mutex<Vec<u8>>>);

/// Listens to every thread of this process, which has to be this test's own.
pub(crate) fn capture() -> Log {
    let text = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&text);
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || Lines(Arc::clone(&lines))).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    Log { text }
}

impl Log {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.text.lock().unwrap().clone()).unwrap()
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
