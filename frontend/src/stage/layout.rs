//! Where a message travels on the stage, in pixels from its top left corner. Pure: the far view can use it as well.

/// A point.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

/// Where something is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// A straight way from one place to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Route {
    /// Where it begins: on the edge of the sender.
    pub from: Point,
    /// Where it ends: on the edge of the receiver.
    pub to: Point,
}

impl Rect {
    fn center(self) -> Point {
        Point { x: self.x + self.width / 2.0, y: self.y + self.height / 2.0 }
    }

    fn moved(self, by: Point) -> Self {
        Self { x: self.x + by.x, y: self.y + by.y, ..self }
    }

    fn overlaps(self, other: Self) -> bool {
        self.x < other.x + other.width
            && other.x < self.x + self.width
            && self.y < other.y + other.height
            && other.y < self.y + self.height
    }

    /// The point of this rectangle's edge on the way from its centre to `target`.
    fn edge_towards(self, target: Point) -> Point {
        let center = self.center();
        let (dx, dy) = (target.x - center.x, target.y - center.y);
        let scale = f64::max(dx.abs() / (self.width / 2.0), dy.abs() / (self.height / 2.0));
        if scale <= 1.0 || !scale.is_finite() {
            return center;
        }
        Point { x: center.x + dx / scale, y: center.y + dy / scale }
    }
}

/// The way from one place to another. Panes that span the stage are met at a right angle: what goes to the API server
/// ends on its glass straight above or below, so that no line can seem to lead past it.
pub fn route(from: Rect, to: Rect) -> Route {
    const WIDE: f64 = 2.5;
    let narrow = if from.width > to.width * WIDE {
        Some(to)
    } else if to.width > from.width * WIDE {
        Some(from)
    } else {
        None
    };
    let Some(narrow) = narrow else {
        return Route { from: from.edge_towards(to.center()), to: to.edge_towards(from.center()) };
    };
    let x = narrow.center().x;
    let (upper_from, upper_to) = (from.center().y < to.center().y, to.center().y < from.center().y);
    let edge =
        |rect: Rect, is_upper: bool| Point { x, y: if is_upper { rect.y + rect.height } else { rect.y } };
    Route { from: edge(from, upper_from), to: edge(to, upper_to) }
}

impl Route {
    /// Halfway.
    pub fn middle(self) -> Point {
        Point { x: f64::midpoint(self.from.x, self.to.x), y: f64::midpoint(self.from.y, self.to.y) }
    }
}

/// Room between a dot's middle and its label.
const APART: f64 = 12.0;
/// From a dot's middle down to a label below it.
const BELOW: f64 = 8.0;
/// A dot itself.
const DOT: Rect = Rect { x: -6.0, y: -6.0, width: 12.0, height: 12.0 };
/// Rows above and below its own to which a label gives way.
const ROWS: [f64; 7] = [0.0, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0];
/// At so many moments of their common way two dots are looked at.
const MOMENTS: u8 = 8;

/// Where the label of a dot stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Beside {
    /// To the right of it.
    Right,
    /// To the left.
    Left,
    /// Below, and beginning so far to the right of the dot's middle.
    Below(f64),
}

/// A dot that is under way from one moment to another, and where its label is, seen from its middle.
#[derive(Clone, Copy, Debug)]
pub struct Labelled {
    /// Its way.
    pub way: Route,
    /// When it sets out.
    pub start: f64,
    /// When it arrives.
    pub end: f64,
    /// The label.
    pub label: Rect,
}

impl Labelled {
    /// Where it is; it sets out and arrives gently (flight.rs).
    fn at(self, moment: f64) -> Point {
        let part = ((moment - self.start) / (self.end - self.start)).clamp(0.0, 1.0);
        let part = part * part * (3.0 - 2.0 * part);
        let Route { from, to } = self.way;
        Point { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part }
    }

    /// At how many moments, while both are under way, its label covers that of the other, or the other dot.
    fn covers(self, other: Self) -> usize {
        let (from, to) = (self.start.max(other.start), self.end.min(other.end));
        if from >= to {
            return 0;
        }
        let moments = (0..=MOMENTS).map(|moment| from + (to - from) * f64::from(moment) / f64::from(MOMENTS));
        let covered = moments.filter(|&moment| {
            let (label, there) = (self.label.moved(self.at(moment)), other.at(moment));
            [other.label, DOT].into_iter().any(|its| label.overlaps(its.moved(there)))
        });
        covered.count()
    }
}

/// The name of a pane, which stays where it is.
pub fn title(pane: Rect) -> Labelled {
    let corner = Point { x: pane.x, y: pane.y };
    let label = Rect { x: 8.0, y: 4.0, width: 104.0, height: 28.0 };
    Labelled { way: Route { from: corner, to: corner }, start: 0.0, end: f64::INFINITY, label }
}

/// Where the label of a dot is seen whole on a stage of this width, all along its way, and away from the labels of `others`; and
/// by how much it is moved down for that. `dot` has the label's size, and is told its place.
pub fn beside(dot: &mut Labelled, width: f64, others: &[Labelled]) -> (Beside, f64) {
    let Rect { width: length, height, .. } = dot.label;
    let (least, most) = (dot.way.from.x.min(dot.way.to.x), dot.way.from.x.max(dot.way.to.x));
    let right = (most + APART + length <= width).then_some(Beside::Right);
    let left = (least - APART - length >= 0.0).then_some(Beside::Left);
    let below = Beside::Below((-length / 2.0).min(width - most - length).max(-least));
    let sides = if right.is_none() && left.is_none() { [Some(below), None] } else { [right, left] };
    let placed = |side, row: f64| {
        let (x, y) = match side {
            Beside::Right => (APART, -height / 2.0),
            Beside::Left => (-APART - length, -height / 2.0),
            Beside::Below(x) => (x, BELOW),
        };
        let down = row * (height + 1.0);
        (Labelled { label: Rect { x, y: y + down, width: length, height }, ..*dot }, (side, down))
    };
    let places = ROWS.into_iter().flat_map(|row| sides.into_iter().flatten().map(move |side| (side, row)));
    let free = places.map(|(side, row)| placed(side, row)).filter(|(there, _)| !there.label.overlaps(DOT));
    // Dots that pass each other cannot but cross: as little as may be.
    let covered = |there: &Labelled| others.iter().map(|other| there.covers(*other)).sum::<usize>();
    let (there, place) = free.min_by_key(|(there, _)| covered(there)).unwrap_or((*dot, (below, 0.0)));
    *dot = there;
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    const PANE: Rect = Rect { x: 0.0, y: 100.0, width: 1000.0, height: 50.0 };

    #[test]
    fn lines_meet_the_pane_at_a_right_angle_from_both_sides() {
        let above = Rect { x: 200.0, y: 0.0, width: 100.0, height: 60.0 };
        let below = Rect { x: 700.0, y: 200.0, width: 100.0, height: 20.0 };
        let down = route(above, PANE);
        assert_eq!((down.from, down.to), (Point { x: 250.0, y: 60.0 }, Point { x: 250.0, y: 100.0 }));
        let out = route(PANE, below);
        assert_eq!((out.from, out.to), (Point { x: 750.0, y: 150.0 }, Point { x: 750.0, y: 200.0 }));
        let back = route(below, PANE);
        assert_eq!((back.from, back.to), (out.to, out.from));
    }

    #[test]
    fn a_label_is_seen_whole_wherever_its_dot_moves() {
        let way =
            |from: f64, to: f64| Route { from: Point { x: from, y: 0.0 }, to: Point { x: to, y: 90.0 } };
        // A phone's stage, and a projector's.
        for (from, to, length, width, expected) in [
            (205.0, 205.0, 200.0, 366.0, Beside::Below(-100.0)),
            (205.0, 205.0, 190.0, 366.0, Beside::Left),
            (340.0, 340.0, 190.0, 366.0, Beside::Left),
            (300.0, 300.0, 290.0, 366.0, Beside::Below(-224.0)),
            (30.0, 30.0, 190.0, 366.0, Beside::Right),
            (20.0, 340.0, 190.0, 366.0, Beside::Below(-20.0)),
            (900.0, 900.0, 190.0, 1240.0, Beside::Right),
            (1200.0, 900.0, 190.0, 1240.0, Beside::Left),
        ] {
            let mut dot = labelled(way(from, to), 0.0, length);
            assert_eq!(beside(&mut dot, width, &[]), (expected, 0.0), "{from} to {to}, {length} of {width}");
        }
    }

    #[test]
    fn a_label_lies_on_no_name_of_a_pane() {
        // As on a phone: from the controller manager down to the API server.
        let pane = Rect { x: 12.0, y: 351.0, width: 366.0, height: 58.0 };
        let way = Route { from: Point { x: 217.0, y: 334.0 }, to: Point { x: 217.0, y: 351.0 } };
        let mut alone = labelled(way, 0.0, 251.0);
        let mut dot = alone;
        beside(&mut alone, 390.0, &[]);
        beside(&mut dot, 390.0, &[title(pane)]);
        assert_ne!((alone.covers(title(pane)), dot.covers(title(pane))), (0, 0));
        assert_eq!(dot.covers(title(pane)), 0);
    }

    fn labelled(way: Route, start: f64, length: f64) -> Labelled {
        let label = Rect { width: length, height: 20.0, ..Rect::default() };
        Labelled { way, start, end: start + 400.0, label }
    }

    #[test]
    fn labels_give_way_to_those_under_way() {
        let way = |x: f64, up: bool| {
            let ends = [Point { x, y: 0.0 }, Point { x, y: 90.0 }];
            let [from, to] = if up { [ends[1], ends[0]] } else { ends };
            Route { from, to }
        };
        // A phone's stage: three watches told at once, one soon after another, lines beside each other.
        for dots in [
            vec![(100.0, false, 0.0, 190.0), (210.0, false, 0.0, 190.0), (320.0, false, 0.0, 190.0)],
            vec![(205.0, false, 0.0, 340.0), (205.0, false, 60.0, 340.0)],
            vec![(60.0, false, 0.0, 140.0), (80.0, false, 0.0, 140.0), (300.0, false, 0.0, 140.0)],
        ] {
            let mut placed: Vec<Labelled> = Vec::new();
            for (x, up, start, length) in dots {
                let mut dot = labelled(way(x, up), start, length);
                let (_, down) = beside(&mut dot, 366.0, &placed);
                assert!(down.abs() <= 63.0);
                assert!(dot.label.x + x >= 0.0 && dot.label.x + x + length <= 366.0);
                assert!(
                    placed.iter().all(|other| dot.covers(*other) == 0),
                    "{dot:?} covers one of {placed:?}"
                );
                placed.push(dot);
            }
        }
        // An answer crosses a request: at its side if there is room, else for as short as may be.
        for (width, crossed) in [(1000.0, 0), (366.0, 3)] {
            let (mut ask, mut answer) =
                (labelled(way(180.0, false), 0.0, 150.0), labelled(way(180.0, true), 100.0, 150.0));
            beside(&mut ask, width, &[]);
            beside(&mut answer, width, &[ask]);
            assert!(answer.covers(ask) <= crossed, "{answer:?} covers {ask:?}");
        }
        // What is gone when another sets out is in nobody's way.
        let (mut first, mut second) =
            (labelled(way(100.0, false), 0.0, 190.0), labelled(way(100.0, false), 400.0, 190.0));
        assert_eq!(beside(&mut first, 366.0, &[]), (Beside::Right, 0.0));
        assert_eq!(beside(&mut second, 366.0, &[first]), (Beside::Right, 0.0));
    }

    #[test]
    fn other_ways_run_from_edge_to_edge() {
        let a = Rect { x: 0.0, y: 0.0, width: 10.0, height: 10.0 };
        let b = Rect { x: 100.0, y: 0.0, width: 20.0, height: 10.0 };
        let way = route(a, b);
        assert_eq!((way.from, way.to), (Point { x: 10.0, y: 5.0 }, Point { x: 100.0, y: 5.0 }));
        assert_eq!(way.middle(), Point { x: 55.0, y: 5.0 });
        assert_eq!(route(a, a).from, route(a, a).to);
    }
}
