use sqlx::Arguments as _;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;

/// What a parameter may be. PostgreSQL wants to know the type of what is absent, too.
#[derive(Clone, PartialEq)]
pub(in crate::store) enum Value {
    Integer(Option<i64>),
    Real(Option<f64>),
    Text(Option<String>),
    Blob(Option<Vec<u8>>),
}

/// Parameters as an engine takes them.
pub(in crate::store) trait Arguments: Default {
    fn of(values: Vec<Value>) -> Result<Self, sqlx::Error> {
        let mut arguments = Self::default();
        for value in values {
            arguments.push(value)?;
        }
        Ok(arguments)
    }

    fn push(&mut self, value: Value) -> Result<(), sqlx::Error>;
}

macro_rules! arguments {
    ($($engine:ty),*) => {$(
        impl Arguments for $engine {
            fn push(&mut self, value: Value) -> Result<(), sqlx::Error> {
                match value {
                    Value::Integer(value) => self.add(value),
                    Value::Real(value) => self.add(value),
                    Value::Text(value) => self.add(value),
                    Value::Blob(value) => self.add(value),
                }
                .map_err(sqlx::Error::Encode)
            }
        }
    )*};
}
arguments!(SqliteArguments, PgArguments);

macro_rules! from {
    ($($type:ty => $variant:ident ($value:ident) $into:expr;)*) => {$(
        impl From<$type> for Value {
            fn from($value: $type) -> Self {
                Self::$variant(Some($into))
            }
        }

        impl From<Option<$type>> for Value {
            fn from(value: Option<$type>) -> Self {
                Self::$variant(value.map(|$value: $type| $into))
            }
        }
    )*};
}
from! {
    i64 => Integer(value) value;
    i32 => Integer(value) value.into();
    u32 => Integer(value) value.into();
    u16 => Integer(value) value.into();
    u8 => Integer(value) value.into();
    bool => Integer(value) value.into();
    f64 => Real(value) value;
    String => Text(value) value;
    &String => Text(value) value.clone();
    &str => Text(value) value.to_owned();
    Vec<u8> => Blob(value) value;
    &Vec<u8> => Blob(value) value.clone();
    &[u8] => Blob(value) value.to_vec();
}
