//! The bytes that stand where a type code could, and are none.
//!
//! Source: redis and valkey `src/rdb.h`, `RDB_OPCODE_*`. F2 and F3 differ by flavour.

/// A key attribute without payload (Redis after 8.10).
pub const KEY_NOEVICT: u8 = 0xf1;
/// Redis: a template of field names. Valkey 9.2: an inline command.
pub const HASH_TEMPLATE: u8 = 0xf2;
/// Redis: metadata of the next key. Valkey: [`SLOT_IMPORT`].
pub const KEY_META: u8 = 0xf3;
/// Valkey: the state of a slot import.
pub const SLOT_IMPORT: u8 = 0xf3;
/// Sizes of a cluster slot that follows.
pub const SLOT_INFO: u8 = 0xf4;
/// A function library's source.
pub const FUNCTION2: u8 = 0xf5;
/// A function as 7.0's release candidates wrote it.
pub const FUNCTION_PRE_GA: u8 = 0xf6;
/// A module's own data outside the keys.
pub const MODULE_AUX: u8 = 0xf7;
/// Seconds since the next key was used.
pub const IDLE: u8 = 0xf8;
/// How often the next key was used.
pub const FREQ: u8 = 0xf9;
/// A name and a value about the file.
pub const AUX: u8 = 0xfa;
/// Sizes of the database that follows.
pub const RESIZEDB: u8 = 0xfb;
/// Expiry of the next key, Unix milliseconds.
pub const EXPIRETIME_MS: u8 = 0xfc;
/// Expiry of the next key, Unix seconds.
pub const EXPIRETIME: u8 = 0xfd;
/// The keys that follow are in this database.
pub const SELECTDB: u8 = 0xfe;
/// The end.
pub const EOF: u8 = 0xff;
