"""An air purifier with its front cover off, F2 on the display: python purifier.py PRINTS TARGET.png"""

from __future__ import annotations

import math

import bpy  # isort: skip  (it brings the two that follow)
import bmesh
from mathutils import Vector, noise

import stage

WIDE, DEEP, HIGH = 0.27, 0.21, 0.54  # metres; the front is at -y
FRONT = -DEEP / 2


def shell() -> None:
    """The white body, hollowed out in front for the filter."""
    plastic = stage.Material("plastic", (0.76, 0.76, 0.75), 0.34)
    grain = plastic.noise(plastic.node("ShaderNodeNewGeometry").outputs["Position"], 900, 2)
    plastic.bump(grain, 0.10, 0.0003)
    body = stage.block("body", (WIDE, DEEP, HIGH), (0, 0, HIGH / 2), plastic, 0.030)
    hollow = stage.block(
        "hollow",
        (0.222, 0.10, 0.335),
        (0, FRONT, 0.205),
        stage.Material("hollow", (0.42, 0.43, 0.44), 0.5),
        0.010,
    )
    cut = body.modifiers.new("hollow", "BOOLEAN")
    cut.object, cut.operation, cut.solver = hollow, "DIFFERENCE", "EXACT"
    hollow.hide_render = True
    body.modifiers.new("even", "WEIGHTED_NORMAL")
    dark = stage.Material("grille", (0.02, 0.02, 0.022), 0.6)
    for step in range(15):  # the air outlet on top
        stage.block("slot", (0.17, 0.0045, 0.002), (0, -0.060 + step * 0.0092, HIGH), dark, 0.0008)
    for side in (-1, 1):  # contacts of the cover
        stage.block(
            "clip", (0.012, 0.006, 0.020), (side * 0.104, FRONT + 0.004, 0.352), dark, 0.002
        )


def flat_print(
    name: str,
    size: tuple[float, float],
    at: tuple[float, float, float],
    glow: float,
    roughness: float,
) -> None:
    """A print on the front: the display (it glows) or the rating plate."""
    face = stage.Material(name, roughness=roughness)
    where = face.node("ShaderNodeTexCoord").outputs["UV"]
    picture = face.image(name, where, "EXTEND").outputs["Color"]
    face.to("Base Color", picture)
    if glow:
        face.to("Emission Color", picture)
        face.set(**{"Emission Strength": glow})
    stage.plane(name, size, at, face, (math.pi / 2, 0, 0))


def filter_pack() -> None:
    """The pleated filter in its frame, and the strap to pull it out by."""
    wool = stage.Material("wool", (0.60, 0.60, 0.575), 0.95)
    dust = wool.noise(wool.node("ShaderNodeNewGeometry").outputs["Position"], 14, 6)
    wool.to("Base Color", wool.ramp(dust, (0.3, (0.40, 0.39, 0.365)), (0.72, (0.66, 0.66, 0.64))))
    form = bmesh.new()
    bmesh.ops.create_grid(form, x_segments=400, y_segments=40, size=0.5)
    mesh = bpy.data.meshes.new("pleats")
    for vertex in form.verts:
        x, z = vertex.co.x * 0.196, vertex.co.y * 0.306
        wobble = noise.noise(Vector((x * 30, 0, z * 9))) * 0.0012
        pleat = abs(((x + wobble) / 0.0056) % 2 - 1)
        vertex.co = Vector((x, FRONT + 0.022 - 0.009 * pleat, z + 0.205))
    form.to_mesh(mesh)
    stage.add("pleats", mesh, wool, smooth=False)
    frame = stage.Material("frame", (0.07, 0.072, 0.075), 0.7)
    for at, size in (
        ((-0.102, 0.205), (0.010, 0.325)),
        ((0.102, 0.205), (0.010, 0.325)),
        ((0, 0.362), (0.214, 0.011)),
        ((0, 0.048), (0.214, 0.011)),
    ):
        stage.block("frame", (size[0], 0.03, size[1]), (at[0], FRONT + 0.026, at[1]), frame, 0.002)
    cloth = stage.Material("strap", (0.035, 0.12, 0.26), 0.9)
    weave = cloth.node(
        "ShaderNodeTexWave",
        {"Vector": cloth.node("ShaderNodeNewGeometry").outputs["Position"], "Scale": 300.0},
    )
    cloth.bump(weave.outputs["Fac"], 0.5, 0.0005)
    band = bmesh.new()
    bmesh.ops.create_grid(band, x_segments=8, y_segments=60, size=0.5)
    loop = bpy.data.meshes.new("strap")
    for vertex in band.verts:
        along = (vertex.co.y + 0.5) * math.pi
        vertex.co = Vector(
            (
                vertex.co.x * 0.020 + 0.006 * math.sin(along) + 0.012,
                FRONT + 0.010 - 0.016 * math.sin(along) ** 0.8,
                0.352 - 0.060 * math.sin(along / 2) ** 1.4 + 0.002 * vertex.co.x,
            )
        )
    band.to_mesh(loop)
    stage.add("strap", loop, cloth).modifiers.new("thick", "SOLIDIFY").thickness = 0.0014


def cover() -> None:
    """The front cover, leaning on the wall."""
    plastic = stage.Material("cover", (0.76, 0.76, 0.75), 0.36)
    place = plastic.node("ShaderNodeTexCoord").outputs["Object"]
    dots = plastic.node(
        "ShaderNodeVectorMath", {0: place, 1: (0.009, 1.0, 0.009)}, operation="MODULO"
    )
    x, _, z = plastic.node("ShaderNodeSeparateXYZ", {0: dots.outputs[0]}).outputs
    far = plastic.math(
        "SQRT",
        plastic.math(
            "ADD",
            plastic.math(
                "POWER", plastic.math("SUBTRACT", plastic.math("ABSOLUTE", x), 0.0045), 2.0
            ),
            plastic.math(
                "POWER", plastic.math("SUBTRACT", plastic.math("ABSOLUTE", z), 0.0045), 2.0
            ),
        ),
    )
    hole = plastic.math("LESS_THAN", far, 0.0023)
    height = plastic.node("ShaderNodeSeparateXYZ", {0: place}).outputs["Z"]
    hole = plastic.math(
        "MULTIPLY", hole, plastic.math("LESS_THAN", plastic.math("ABSOLUTE", height), 0.13)
    )
    plastic.to("Base Color", plastic.mix(hole, (0.76, 0.76, 0.75, 1), (0.03, 0.03, 0.032, 1)))
    lid = stage.block("cover", (0.25, 0.014, 0.36), (0.315, 0.13, 0.172), plastic, 0.006)
    lid.rotation_euler = (math.radians(-13), 0, math.radians(4))


def room() -> None:
    """A corner of a bedroom."""
    stage.plane("floor", (6, 6), (0, 0, 0), stage.oak((0.40, 0.27, 0.155), (1.1, 0.12), 0.12))
    wall = stage.Material("wall", (0.60, 0.63, 0.60), 0.92)
    wall.bump(
        wall.noise(wall.node("ShaderNodeNewGeometry").outputs["Position"], 120, 4), 0.15, 0.001
    )
    stage.plane("wall", (6, 3), (0, 0.22, 1.5), wall, (math.pi / 2, 0, 0))
    white = stage.Material("skirting", (0.80, 0.80, 0.78), 0.4)
    stage.block("skirting", (6, 0.014, 0.09), (0, 0.213, 0.045), white, 0.003)
    stage.block("socket", (0.072, 0.008, 0.116), (-0.30, 0.216, 0.33), white, 0.003)
    stage.block("plug", (0.034, 0.036, 0.030), (-0.30, 0.196, 0.305), white, 0.006)
    cord = bpy.data.curves.new("cord", "CURVE")
    cord.dimensions, cord.bevel_depth = "3D", 0.0032
    line = cord.splines.new("BEZIER")
    line.bezier_points.add(4)
    for point, at in zip(
        line.bezier_points,
        (
            (-0.30, 0.182, 0.295),
            (-0.297, 0.178, 0.10),
            (-0.272, 0.156, 0.014),
            (-0.21, 0.125, 0.0055),
            (-0.10, 0.10, 0.0055),
        ),
    ):
        point.co, point.handle_left_type, point.handle_right_type = at, "AUTO", "AUTO"
    thing = bpy.data.objects.new("cord", cord)
    thing.data.materials.append(white.material)
    bpy.context.collection.objects.link(thing)


stage.clear()
room()
shell()
filter_pack()
cover()
flat_print("purifier-panel", (0.150, 0.070), (0, FRONT - 0.0006, 0.475), 1.1, 0.07)
flat_print("rating-plate", (0.132, 0.0477), (-0.020, FRONT - 0.0005, 0.402), 0.0, 0.45)
stage.sky((0.85, 0.92, 1.0), 0.30)
stage.window((-1.4, -1.3, 1.5), (0, 0, 0.3), (1.0, 1.5), 46, (1.0, 0.97, 0.92))
stage.window((1.2, -1.2, 1.9), (0, 0, 0.3), (0.4, 0.4), 9, (1.0, 0.76, 0.52))
stage.shoot(
    (0.085, -0.62, 0.60),
    (0.036, -0.1, 0.362),
    39,
    roll=-2.0,
    blur=8.0,
    size=(1280, 960),
    exposure=0.2,
    focus=(0, FRONT, 0.43),
)
