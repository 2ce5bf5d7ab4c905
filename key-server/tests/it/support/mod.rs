//! A real server on a free port over a temporary data folder, and what speaks to it.

mod binary;
mod client;
mod database;
mod moto;
mod player;
mod postgres;
mod test_app;
mod worker;

pub(crate) use binary::{Served, command};
pub(crate) use client::{Request, Response};
pub(crate) use database::{Database, text};
pub(crate) use moto::Moto;
pub(crate) use player::{Player, jwt};
pub(crate) use postgres::{database_of, database_url, database_variable};
pub(crate) use test_app::{TITLE, TestApp, TestAppBuilder, media_info, publication};
pub(crate) use worker::{Claimed, FILES, FakeWorker, media};
