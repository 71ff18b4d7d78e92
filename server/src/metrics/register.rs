//! How metrics are declared: name, meaning and buckets in one place, and series whose labels come from closed sets alone.

use std::fmt;
use std::marker::PhantomData;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry, Unit};

/// The labels of one series.
pub(super) type LabelSet = Vec<(&'static str, &'static str)>;

/// A closed set of labels: nothing that a device or a person says can become one.
pub trait Labels: Copy {
    /// Every one that there can be.
    fn all() -> Vec<Self>;
    /// Name and value of each label.
    fn pairs(self) -> Vec<(&'static str, &'static str)>;
}

/// Declares a label: an enum whose variants are all the values that there are.
macro_rules! label {
    ($(#[$doc:meta])* $name:ident $key:literal { $($(#[$of:meta])* $variant:ident $value:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$of])* $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// As monitoring sees it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $value,)*
                }
            }
        }

        impl $crate::metrics::register::Labels for $name {
            fn all() -> Vec<Self> {
                Self::ALL.to_vec()
            }

            fn pairs(self) -> Vec<(&'static str, &'static str)> {
                vec![($key, self.name())]
            }
        }
    };
}
pub(super) use label;

/// A metric with a series for each of these labels.
pub struct By<L, M> {
    family: Family<LabelSet, M, fn() -> M>,
    of: PhantomData<fn(L)>,
}

impl<L, M: fmt::Debug> fmt::Debug for By<L, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.family.fmt(f)
    }
}

impl<L: Labels, M: Clone> By<L, M> {
    fn new(make: fn() -> M) -> Self {
        Self {
            family: Family::new_with_constructor(make),
            of: PhantomData,
        }
    }

    /// The same, with every series there from the start, so that a rate of it begins with nothing and not with a gap.
    fn whole(make: fn() -> M) -> Self {
        let by = Self::new(make);
        for labels in L::all() {
            by.of(labels);
        }
        by
    }

    /// The series of these labels.
    pub fn of(&self, labels: L) -> M {
        self.family.get_or_create_owned(&labels.pairs())
    }
}

/// Where metrics are declared.
pub(super) struct Register<'a>(pub(super) &'a mut Registry);

impl Register<'_> {
    /// Something that only grows.
    pub(super) fn counter(&mut self, name: &str, help: &str) -> Counter {
        self.kept(name, help, Counter::default())
    }

    /// Seconds that only grow.
    pub(super) fn seconds_counter(&mut self, name: &str, help: &str) -> SecondsCounter {
        let counter = SecondsCounter::default();
        self.0
            .register_with_unit(name, help, Unit::Seconds, counter.clone());
        counter
    }

    /// Something that rises and falls.
    pub(super) fn gauge(&mut self, name: &str, help: &str) -> Gauge {
        self.kept(name, help, Gauge::default())
    }

    /// The same in bytes.
    pub(super) fn bytes(&mut self, name: &str, help: &str) -> Gauge {
        let gauge = Gauge::default();
        self.0
            .register_with_unit(name, help, Unit::Bytes, gauge.clone());
        gauge
    }

    /// The same in seconds.
    pub(super) fn age(&mut self, name: &str, help: &str) -> SecondsGauge {
        let gauge = SecondsGauge::default();
        self.0
            .register_with_unit(name, help, Unit::Seconds, gauge.clone());
        gauge
    }

    /// A bound, which stays as it is.
    pub(super) fn limit(&mut self, name: &str, help: &str, limit: usize) {
        self.gauge(name, help)
            .set(i64::try_from(limit).unwrap_or(i64::MAX));
    }

    /// How long something takes.
    pub(super) fn seconds(&mut self, name: &str, help: &str, make: fn() -> Histogram) -> Histogram {
        let histogram = make();
        self.0
            .register_with_unit(name, help, Unit::Seconds, histogram.clone());
        histogram
    }

    /// How many of something there are at a time.
    pub(super) fn sizes(&mut self, name: &str, help: &str, make: fn() -> Histogram) -> Histogram {
        self.kept(name, help, make())
    }

    /// A counter for each of these labels.
    pub(super) fn counter_by<L: Labels + 'static>(
        &mut self,
        name: &str,
        help: &str,
    ) -> By<L, Counter> {
        let by = By::whole(Counter::default);
        self.0.register(name, help, by.family.clone());
        by
    }

    /// A gauge for each of these labels; a series is there once it is set.
    pub(super) fn gauge_by<L: Labels + 'static>(&mut self, name: &str, help: &str) -> By<L, Gauge> {
        let by = By::new(Gauge::default);
        self.0.register(name, help, by.family.clone());
        by
    }

    /// How long something takes, for each of these labels.
    pub(super) fn seconds_by<L: Labels + 'static>(
        &mut self,
        name: &str,
        help: &str,
        make: fn() -> Histogram,
    ) -> By<L, Histogram> {
        let by = By::whole(make);
        self.0
            .register_with_unit(name, help, Unit::Seconds, by.family.clone());
        by
    }

    fn kept<M: Metric + Clone>(&mut self, name: &str, help: &str, metric: M) -> M {
        self.0.register(name, help, metric.clone());
        metric
    }
}

/// Seconds that only grow.
pub type SecondsCounter = Counter<f64, std::sync::atomic::AtomicU64>;
/// Seconds that rise and fall.
pub type SecondsGauge = Gauge<f64, std::sync::atomic::AtomicU64>;

/// From a millisecond to half a minute: what somebody waits for.
pub(super) fn waits() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 16))
}

/// From 20 microseconds to half a second: work of the processor alone.
pub(super) fn computing() -> Histogram {
    Histogram::new(exponential_buckets(0.000_02, 2.0, 15))
}

/// From a second to twelve days: what stays open.
pub(super) fn lives() -> Histogram {
    Histogram::new(exponential_buckets(1.0, 4.0, 11))
}

/// From one to 512 at once.
pub(super) fn batches() -> Histogram {
    Histogram::new(exponential_buckets(1.0, 2.0, 10))
}

/// Something that is under way for as long as this lives, also where whoever waits for it goes away.
#[derive(Debug)]
pub struct UnderWay(Gauge);

impl UnderWay {
    /// Begins it.
    pub fn begin(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.dec();
    }
}
