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

/// Where a label so long is seen whole on a stage of this width, all along the dot's way.
pub fn beside(way: Route, length: f64, width: f64) -> Beside {
    let (least, most) = (way.from.x.min(way.to.x), way.from.x.max(way.to.x));
    if most + APART + length <= width {
        Beside::Right
    } else if least - APART - length >= 0.0 {
        Beside::Left
    } else {
        Beside::Below((-length / 2.0).min(width - most - length).max(-least))
    }
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
            let found = beside(way(from, to), length, width);
            assert_eq!(found, expected, "{from} to {to}, {length} of {width}");
        }
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
