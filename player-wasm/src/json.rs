//! JSON, as much of it as the key server's answers need. Deserializers by serde were a seventh of the module, for a
//! handful of fields.
//!
//! What is read must be as it should; what is skipped is looked at only as far as its end takes. The page reads the same text by its own
//! `JSON.parse`, which takes nothing that is no JSON.

/// Why a text is not read. There is nothing to say of it that would help anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

type Read<T> = Result<T, Unreadable>;

/// Stands before a value, or behind the last one.
pub(crate) struct Json<'a> {
    rest: &'a [u8],
}

impl<'a> Json<'a> {
    /// Reads a text that is one object: `field` is given each name, stands before its value and has to read or skip it.
    pub(crate) fn read(text: &'a str, field: &mut dyn FnMut(&'a str, &mut Self) -> Read<()>) -> Read<()> {
        let mut json = Self { rest: text.as_bytes() };
        json.object(field)?;
        if json.peek().is_none() { Ok(()) } else { Err(Unreadable) }
    }

    pub(crate) fn object(&mut self, field: &mut dyn FnMut(&'a str, &mut Self) -> Read<()>) -> Read<()> {
        self.members(b'{', b'}', &mut |json| {
            let name = json.text()?;
            json.take(b':')?;
            field(name, json)
        })
    }

    pub(crate) fn list(&mut self, item: &mut dyn FnMut(&mut Self) -> Read<()>) -> Read<()> {
        self.members(b'[', b']', item)
    }

    /// A text without escapes: nothing that is read here has any.
    pub(crate) fn text(&mut self) -> Read<&'a str> {
        let text = self.raw_text()?;
        if text.contains(&b'\\') { Err(Unreadable) } else { str::from_utf8(text).map_err(|_| Unreadable) }
    }

    /// A whole number, in its shortest form.
    pub(crate) fn number<T: TryFrom<u32>>(&mut self) -> Read<T> {
        let token = self.token();
        let is_shortest = token == b"0" || token.first().is_some_and(|digit| (b'1'..=b'9').contains(digit));
        let number = str::from_utf8(token).ok().filter(|_| is_shortest).and_then(|digits| digits.parse::<u32>().ok());
        number.and_then(|number| number.try_into().ok()).ok_or(Unreadable)
    }

    /// Whether it is null, which is then behind.
    pub(crate) fn is_null(&mut self) -> bool {
        let rest = self.rest;
        let is_null = self.token() == b"null";
        if !is_null {
            self.rest = rest;
        }
        is_null
    }

    /// Without recursion: how deep it goes is up to the sender.
    pub(crate) fn skip(&mut self) -> Read<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek().ok_or(Unreadable)? {
                b'"' => drop(self.raw_text()?),
                b'{' | b'[' => {
                    depth += 1;
                    self.advance(1);
                    continue;
                }
                b'}' | b']' if depth > 0 => {
                    depth -= 1;
                    self.advance(1);
                }
                b',' | b':' if depth > 0 => {
                    self.advance(1);
                    continue;
                }
                _ if self.token().is_empty() => return Err(Unreadable),
                _ => {}
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn members(&mut self, open: u8, close: u8, member: &mut dyn FnMut(&mut Self) -> Read<()>) -> Read<()> {
        self.take(open)?;
        if self.take(close).is_ok() {
            return Ok(());
        }
        loop {
            member(self)?;
            if self.take(close).is_ok() {
                return Ok(());
            }
            self.take(b',')?;
        }
    }

    fn raw_text(&mut self) -> Read<&'a [u8]> {
        self.take(b'"')?;
        let mut is_escaped = false;
        let end = self.rest.iter().position(|byte| {
            let is_end = *byte == b'"' && !is_escaped;
            is_escaped = *byte == b'\\' && !is_escaped;
            is_end
        });
        let (text, behind) = end.and_then(|end| self.rest.split_at_checked(end)).ok_or(Unreadable)?;
        self.rest = behind;
        self.advance(1);
        Ok(text)
    }

    /// A number or a word.
    fn token(&mut self) -> &'a [u8] {
        self.peek();
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let len = self.rest.iter().take_while(|byte| is_part(byte)).count();
        let token = self.rest.get(..len).unwrap_or_default();
        self.advance(len);
        token
    }

    /// The byte that comes after white space.
    fn peek(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_ascii_start();
        self.rest.first().copied()
    }

    fn take(&mut self, byte: u8) -> Read<()> {
        if self.peek() != Some(byte) {
            return Err(Unreadable);
        }
        self.advance(1);
        Ok(())
    }

    fn advance(&mut self, len: usize) {
        self.rest = self.rest.get(len..).unwrap_or_default();
    }
}
