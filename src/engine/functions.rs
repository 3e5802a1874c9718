//! Function libraries: kept with their sources, not run.
//!
//! ```text
//!   #!lua name=mylib\n redis.register_function('f', …)
//! ```
//! The first line says the engine (`lua`) and the library's name; the functions' own names are in the code, which only a
//! server with Lua can ask. Source: redis `src/functions.c`, `functionExtractLibMetaData`.

use super::reply::Refusal;

/// The libraries, in the order of their names.
#[derive(Debug, Clone, Default)]
pub struct Functions {
    libraries: Vec<Library>,
}

/// A library.
#[derive(Debug, Clone)]
pub struct Library {
    /// Its name.
    pub name: Vec<u8>,
    /// All of its source, the first line included.
    pub code: Vec<u8>,
}

impl Functions {
    /// All libraries.
    #[must_use]
    pub fn libraries(&self) -> &[Library] {
        &self.libraries
    }

    /// Their sources.
    pub fn sources(&self) -> impl Iterator<Item = &[u8]> {
        self.libraries.iter().map(|l| &l.code[..])
    }

    /// Adds a library; its name.
    ///
    /// # Errors
    /// A first line that makes no sense; a library of that name, unless it is to be replaced.
    pub fn load(&mut self, code: &[u8], replace: bool) -> Result<Vec<u8>, Refusal> {
        let name = name_of(code)?;
        match self.libraries.binary_search_by(|l| l.name.cmp(&name)) {
            Ok(_) if !replace => {
                return Err(Refusal::of(format!(
                    "ERR Library '{}' already exists",
                    String::from_utf8_lossy(&name)
                )));
            }
            Ok(at) => {
                if let Some(library) = self.libraries.get_mut(at) {
                    library.code = code.to_vec();
                }
            }
            Err(at) => {
                let library = Library {
                    name: name.clone(),
                    code: code.to_vec(),
                };
                self.libraries.insert(at, library);
            }
        }
        Ok(name)
    }

    /// Takes a library out; false if there is none of that name.
    pub fn delete(&mut self, name: &[u8]) -> bool {
        let found = self
            .libraries
            .binary_search_by(|l| l.name.as_slice().cmp(name));
        match found {
            Ok(at) => {
                self.libraries.remove(at);
                true
            }
            Err(_) => false,
        }
    }

    /// Takes all of them out.
    pub fn flush(&mut self) {
        self.libraries.clear();
    }
}

/// The name that a library's first line gives it.
fn name_of(code: &[u8]) -> Result<Vec<u8>, Refusal> {
    let Some(rest) = code.strip_prefix(b"#!") else {
        return Err(Refusal::new("ERR Missing library metadata"));
    };
    let Some(end) = rest.iter().position(|b| *b == b'\n') else {
        return Err(Refusal::new("ERR Invalid library metadata"));
    };
    let line = rest.get(..end).unwrap_or_default();
    let mut words = line
        .split(u8::is_ascii_whitespace)
        .filter(|w| !w.is_empty());
    let engine = words.next().unwrap_or_default();
    let mut name = None;
    for word in words {
        match word.strip_prefix(b"name=") {
            Some(value) if name.is_none() => name = Some(value),
            Some(_) => {
                return Err(Refusal::new(
                    "ERR Invalid metadata value, name argument was given multiple times",
                ));
            }
            None => {
                return Err(Refusal::of(format!(
                    "ERR Invalid metadata value given: {}",
                    String::from_utf8_lossy(word)
                )));
            }
        }
    }
    let Some(name) = name else {
        return Err(Refusal::new("ERR Library name was not given"));
    };
    if name.is_empty() || !name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_') {
        return Err(Refusal::new(
            "ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long",
        ));
    }
    if !engine.eq_ignore_ascii_case(b"lua") {
        return Err(Refusal::of(format!(
            "ERR Engine '{}' not found",
            String::from_utf8_lossy(engine)
        )));
    }
    Ok(name.to_vec())
}
