//! The Sickbay server.
//!
//! [`identity`] says who is who; [`collectors`] and [`fleet`] hold the collectors' sessions; [`ingest`] turns reports into something
//! durable; [`judgement`] says what the [`rules`] come to for one device, by what
//! a [`knowledge_pack`] or the program itself knows of Windows; [`jobs`] does what happens without a report; [`pages`], [`api`] and [`export`] show it behind [`access`]; [`demo`] is a
//! whole fleet in one process. [`server`] wires them.
#![forbid(unsafe_code)]

pub mod acceptance;
pub mod access;
pub mod api;
pub mod app;
pub mod audit;
pub mod backup;
pub mod certificate_files;
pub mod cli;
pub mod clock;
pub mod collectors;
pub mod config;
pub mod days;
pub mod demo;
pub mod events;
pub mod export;
pub mod fleet;
pub mod health;
pub mod identity;
pub mod ingest;
pub mod inspections;
pub mod jobs;
pub mod judgement;
pub mod key_ring;
pub mod knowledge_pack;
pub mod machine_list;
pub mod metrics;
pub mod pages;
pub mod preview;
pub mod problem;
pub mod reference;
pub mod rules;
pub mod saved_views;
pub mod search;
pub mod secret_file;
pub mod server;
pub mod storage;
pub mod throttle;
pub mod updates;
pub mod web;
pub mod wire;
pub mod wishes;
