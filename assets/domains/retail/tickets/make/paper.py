"""A crumpled receipt on a table, or a printed invoice: python paper.py PRINTS TARGET.png receipt|invoice"""

from __future__ import annotations

import math

import bpy  # isort: skip  (it brings the two that follow)
import bmesh
import numpy
from mathutils import Vector, noise

import stage

KIND = stage.ARGUMENTS[2]


def ridge(point: Vector, scale: float) -> float:
    """A crease where noise crosses zero, 0-1."""
    return max(0.0, 1 - abs(noise.noise(point * scale)) * 5.5)


def crumple(place: Vector, size: tuple[float, float]) -> float:
    """Height of a receipt that was folded in four and kept in a pocket (metres)."""
    u, v = place.x / size[0], place.y / size[1]
    curl = 0.020 * max(0.0, v - 0.28) ** 2 * 4 + 0.012 * max(0.0, -v - 0.33) ** 2 * 9
    halves = 0.0055 * max(0.0, 1 - abs(v - 0.03) / 0.10) + 0.003 * max(
        0.0, 1 - abs(u + 0.06) / 0.22
    )
    facets = 0.0034 * ridge(place + Vector((7, 2, 0)), 19) + 0.0017 * ridge(
        place + Vector((1, 9, 0)), 43
    )
    waves = 0.0026 * (noise.noise(place * 14) + 0.7)
    return curl + halves + facets + waves + 0.0004


def folded(place: Vector, size: tuple[float, float]) -> float:
    """Height of a printed sheet that was folded twice to fit an envelope (metres)."""
    v = place.y / size[1]
    thirds = sum(0.0085 * max(0.0, 1 - abs(v - at) / 0.17) for at in (-0.165, 0.17))
    lift = 0.010 * max(0.0, place.x / size[0] - 0.22) ** 2 * 8
    return thirds + lift + 0.0016 * (noise.noise(place * 9) + 0.6) + 0.0004


def sheet(name: str, size: tuple[float, float], height, material: stage.Material, turn: float):
    """A sheet of paper lying on the table."""
    form = bmesh.new()
    bmesh.ops.create_grid(form, x_segments=140, y_segments=int(140 * size[1] / size[0]), size=0.5)
    mesh = bpy.data.meshes.new(name)
    for vertex in form.verts:
        vertex.co = Vector((vertex.co.x * size[0], vertex.co.y * size[1], 0))
        if KIND == "receipt" and vertex.co.y < -size[1] / 2 + 1e-4:  # torn off the printer
            vertex.co.y += 0.0022 * abs(noise.noise(vertex.co * 300)) + 0.0012 * (vertex.index % 3)
    form.to_mesh(mesh)
    kept = mesh.attributes.new("rest", "FLOAT_VECTOR", "POINT")
    kept.data.foreach_set(
        "vector", numpy.array([v.co for v in mesh.vertices], numpy.float32).ravel()
    )
    for vertex in mesh.vertices:
        vertex.co.z = height(vertex.co, size)
    paper = stage.add(name, mesh, material)
    paper.modifiers.new("thick", "SOLIDIFY").thickness = 0.0001
    paper.rotation_euler.z = math.radians(turn)


def printed(
    name: str,
    size: tuple[float, float],
    white: tuple[float, float, float],
    fade: float,
    gloss: float,
) -> stage.Material:
    """Paper with a print; ``fade`` is how much the ink lost in places."""
    paper = stage.Material(name, roughness=gloss)
    rest = paper.node("ShaderNodeAttribute", attribute_name="rest").outputs["Vector"]
    x, y, _ = paper.node("ShaderNodeSeparateXYZ", {0: rest}).outputs
    across = paper.math("MULTIPLY_ADD", x, 1 / size[0], 0.5)
    up = paper.math("MULTIPLY_ADD", y, 1 / size[1], 0.5)
    ink = paper.image(
        name, paper.node("ShaderNodeCombineXYZ", {"X": across, "Y": up}).outputs[0], "EXTEND"
    )
    lost = paper.math("MULTIPLY", paper.noise(rest, 30, 4), fade)
    shown = paper.mix(lost, ink.outputs["Color"], (1, 1, 1, 1))
    tint = paper.node(
        "ShaderNodeMixRGB",
        {"Fac": 1.0, "Color1": shown, "Color2": (*white, 1)},
        blend_type="MULTIPLY",
    )
    paper.to("Base Color", tint.outputs[0])
    paper.bump(paper.noise(rest, 260, 4), 0.12, 0.0004)
    return paper


def pen() -> None:
    """A pen beside the sheet."""
    for length, radius, at, colour in (
        (0.118, 0.0048, 0.0, (0.02, 0.03, 0.06)),
        (0.018, 0.0046, 0.068, (0.55, 0.55, 0.56)),
    ):
        bpy.ops.mesh.primitive_cylinder_add(
            vertices=48,
            radius=radius,
            depth=length,
            location=(0.142 + at * 0.26, -0.05 + at * 0.965, 0.005),
            rotation=(math.pi / 2, 0, -0.262),
        )
        bpy.context.object.data.materials.append(stage.Material("pen", colour, 0.25).material)
        bpy.ops.object.shade_smooth()


stage.clear()
if KIND == "receipt":
    stage.plane("table", (3, 3), (0, 0, 0), stage.oak((0.25, 0.125, 0.058), (3.0, 0.31), 0.35))
    sheet(
        "receipt",
        (0.080, 0.1514),
        crumple,
        printed("receipt", (0.080, 0.1514), (0.80, 0.80, 0.79), 0.38, 0.38),
        7,
    )
    stage.sky((1.0, 0.93, 0.85), 0.30)
    stage.window((-0.9, 0.9, 0.85), (0, 0, 0), (0.7, 0.7), 15, (1.0, 0.96, 0.9))
    stage.window((0.5, -0.9, 1.0), (0, 0, 0), (0.3, 0.3), 1.4, (1.0, 0.78, 0.55))
    stage.shoot(
        (0.012, -0.086, 0.222),
        (0.002, 0.004, 0.004),
        46,
        roll=-3.5,
        blur=11,
        size=(960, 1280),
        exposure=0.75,
    )
else:
    desk = stage.Material("desk", (0.20, 0.21, 0.215), 0.5)
    speck = desk.noise(desk.node("ShaderNodeNewGeometry").outputs["Position"], 700, 3)
    desk.to("Base Color", desk.ramp(speck, (0.35, (0.13, 0.135, 0.14)), (0.7, (0.24, 0.245, 0.25))))
    stage.plane("desk", (3, 3), (0, 0, 0), desk)
    sheet(
        "invoice",
        (0.21, 0.297),
        folded,
        printed("invoice", (0.21, 0.297), (0.84, 0.84, 0.83), 0.06, 0.6),
        -3,
    )
    pen()
    stage.sky((0.95, 0.97, 1.0), 0.34)
    stage.window((1.1, 0.7, 1.0), (0, 0, 0), (0.6, 0.9), 24, (1.0, 0.92, 0.8))
    stage.shoot(
        (-0.012, -0.105, 0.375),
        (0.004, -0.004, 0.0),
        40,
        roll=2.4,
        blur=9,
        size=(1200, 1440),
        exposure=0.6,
    )
