"""A parcel with a crushed, torn corner on a hall floor: python parcel.py PRINTS TARGET.png"""

from __future__ import annotations

import math

import bpy  # isort: skip  (it brings the two that follow)
import bmesh
import numpy
from mathutils import Vector, noise

import stage

SIZE = Vector((0.42, 0.33, 0.34))  # metres; the front is at -y
CORNER = Vector((SIZE.x / 2, -SIZE.y / 2, SIZE.z))  # the crushed one
LABEL = (
    -0.012,
    0.085,
)  # lower left corner of the label on the front: x from the middle, z from the floor
LABEL_SIZE = (0.125, 0.1875)


def fold(point: Vector, scale: float) -> float:
    """Sharp ridges in irregular places, 0-1: how stiff paper gives way."""
    return 1 - min(1.0, abs(noise.noise(point * scale)) * 3.2)


def crush(rest: Vector) -> Vector:
    """Where a point of the sound box lies after the fall."""
    point = rest.copy()
    soft = noise.noise_vector(rest * 5) * 0.0035
    point += soft
    away = rest - CORNER
    distance = math.sqrt((away.x * 0.8) ** 2 + (away.y * 0.9) ** 2 + away.z**2)
    near = math.exp(-((distance / 0.105) ** 2))
    blow = Vector((0.75, -0.42, 0.62)).normalized()
    over = (point - CORNER).dot(blow) + 0.075 + noise.noise(rest * 9) * 0.012
    if over > 0:
        point -= blow * over * 0.88
    buckle = fold(rest + Vector((3, 1, 2)), 13) * 0.021 + fold(rest, 27) * 0.010
    inward = Vector((-0.55, 0.6, -0.45))
    point += inward * buckle * near
    point += noise.noise_vector(rest * 21) * 0.009 * near
    if rest.z > SIZE.z - 0.004 or rest.z > 0.2:  # the lid sags towards the corner
        sag = math.exp(-(((rest.x - CORNER.x) / 0.17) ** 2 + ((rest.y - CORNER.y) / 0.15) ** 2))
        point.z -= 0.022 * sag * min(1.0, max(0.0, (rest.z - 0.2) / 0.14))
    knock = math.exp(
        -(((rest.x + 0.16) / 0.045) ** 2 + ((rest.z - 0.30) / 0.04) ** 2)
    )  # a second knock, upper left
    if rest.y < 0:
        point.y += 0.016 * knock * (0.5 + 0.8 * fold(rest, 11))
    bottom = math.exp(-((rest.z / 0.02) ** 2))
    point.z += 0.004 * bottom * max(0.0, noise.noise(rest * 12))
    point.z = max(point.z, 0.0)
    return point


def torn(rest: Vector) -> bool:
    """Whether the board is gone here: a jagged gap down the front right edge."""
    below = SIZE.z - rest.z
    rough = 0.012 * noise.noise(rest * 34) + 0.006 * noise.noise(rest * 90)
    wide = 0.040 * math.sin(math.pi * min(1.0, max(0.0, (below - 0.004) / 0.165))) ** 0.7
    along = max(abs(rest.x - CORNER.x) * 1.25, abs(rest.y - CORNER.y) * 0.8)
    on_side = rest.z < SIZE.z - 0.002
    return on_side and wide > 0.004 and along + rough < wide


def flare(rest: Vector) -> Vector:
    """The lips of the tear bend outwards."""
    below = SIZE.z - rest.z
    wide = 0.040 * math.sin(math.pi * min(1.0, max(0.0, (below - 0.004) / 0.165))) ** 0.7
    if rest.z > SIZE.z - 0.002 or wide < 0.004:
        return Vector()
    along = max(abs(rest.x - CORNER.x) * 1.25, abs(rest.y - CORNER.y) * 0.8)
    lip = max(0.0, 1 - (along - wide) / 0.022) if along > wide - 0.012 else 0.0
    outward = Vector((0.0, -1, 0)) if abs(rest.y - CORNER.y) < 1e-4 else Vector((1, 0, 0))
    return (
        outward * 0.016 * min(1.0, lip) ** 2 * (0.35 + 1.1 * max(0.0, noise.noise(rest * 26) + 0.3))
    )


def cardboard() -> stage.Material:
    """Kraft board with the print, the label and the tape; everything is placed by the rest position."""
    kraft = stage.Material("kraft", roughness=0.82)
    rest = kraft.node("ShaderNodeAttribute", attribute_name="rest").outputs["Vector"]
    x, y, z = kraft.node("ShaderNodeSeparateXYZ", {0: rest}).outputs
    fibre = kraft.noise(
        kraft.node("ShaderNodeMapping", {"Vector": rest, "Scale": (1, 1, 0.35)}).outputs[0], 420, 5
    )
    cloud = kraft.noise(rest, 9, 5)
    speck = kraft.noise(rest, 900, 2)
    base = kraft.ramp(
        kraft.math("ADD", kraft.math("MULTIPLY", cloud, 0.6), kraft.math("MULTIPLY", fibre, 0.4)),
        (0.3, (0.30, 0.175, 0.085)),
        (0.72, (0.44, 0.285, 0.155)),
    )
    base = kraft.mix(
        kraft.math("MULTIPLY", kraft.math("GREATER_THAN", speck, 0.66), 0.35),
        base,
        (0.16, 0.09, 0.045, 1),
    )
    sharp = kraft.node("ShaderNodeNewGeometry").outputs["Pointiness"]
    worn = kraft.math(
        "MULTIPLY",
        kraft.math("MULTIPLY_ADD", sharp, 9.0, -4.75),
        kraft.math("MULTIPLY_ADD", cloud, 1.4, 0.1),
    )
    worn.node.use_clamp = True
    base = kraft.mix(kraft.math("MULTIPLY", worn, 0.75), base, (0.58, 0.43, 0.28, 1))
    front = kraft.math("LESS_THAN", y, -SIZE.y / 2 + 0.0015)
    top = kraft.math("GREATER_THAN", z, SIZE.z - 0.0015)
    # print
    inked = kraft.node(
        "ShaderNodeCombineXYZ",
        {
            "X": kraft.math("MULTIPLY_ADD", x, 1 / 0.46, 0.5),
            "Y": kraft.math("MULTIPLY_ADD", z, 1 / SIZE.z, 0.0),
        },
    ).outputs[0]
    ink = kraft.image("parcel-print", inked)
    cover = kraft.math(
        "MULTIPLY",
        ink.outputs["Alpha"],
        kraft.math("MULTIPLY", front, kraft.math("MULTIPLY_ADD", fibre, 0.7, 0.45)),
    )
    base = kraft.mix(cover, base, (0.035, 0.028, 0.024, 1))
    # tape along the lid's seam and down the front
    seam = kraft.math("MULTIPLY", top, kraft.math("LESS_THAN", kraft.math("ABSOLUTE", x), 0.0012))
    base = kraft.mix(seam, base, (0.04, 0.02, 0.01, 1))
    wave = kraft.math("MULTIPLY_ADD", cloud, 0.004, 0.023)
    strip = kraft.math("LESS_THAN", kraft.math("ABSOLUTE", x), wave)
    tape = kraft.math(
        "MULTIPLY",
        strip,
        kraft.math(
            "MAXIMUM",
            top,
            kraft.math("MULTIPLY", front, kraft.math("GREATER_THAN", z, SIZE.z - 0.055)),
        ),
    )
    base = kraft.mix(kraft.math("MULTIPLY", tape, 0.72), base, (0.235, 0.118, 0.042, 1))
    # label
    across = kraft.math("MULTIPLY_ADD", x, 1 / LABEL_SIZE[0], -LABEL[0] / LABEL_SIZE[0])
    up = kraft.math("MULTIPLY_ADD", z, 1 / LABEL_SIZE[1], -LABEL[1] / LABEL_SIZE[1])
    label = kraft.image(
        "parcel-label", kraft.node("ShaderNodeCombineXYZ", {"X": across, "Y": up}).outputs[0]
    )
    stuck = kraft.math("MULTIPLY", label.outputs["Alpha"], front)
    base = kraft.mix(
        stuck,
        base,
        kraft.mix(kraft.math("MULTIPLY", cloud, 0.1), label.outputs["Color"], (0.5, 0.44, 0.36, 1)),
    )
    drag = kraft.noise(
        kraft.node(
            "ShaderNodeMapping", {"Vector": rest, "Rotation": (0, 0.5, 0), "Scale": (5, 5, 60)}
        ).outputs[0],
        1.4,
        4,
    )
    scuff = kraft.math(
        "MULTIPLY", kraft.math("GREATER_THAN", drag, 0.62), kraft.math("MULTIPLY", cloud, 0.42)
    )
    base = kraft.mix(
        kraft.math(
            "MULTIPLY", scuff, kraft.math("SUBTRACT", 1.0, kraft.math("MULTIPLY", stuck, 0.75))
        ),
        base,
        (0.085, 0.07, 0.06, 1),
    )
    kraft.to("Base Color", base)
    gloss = kraft.math(
        "MAXIMUM", kraft.math("MULTIPLY", tape, 0.62), kraft.math("MULTIPLY", stuck, 0.36)
    )
    kraft.to("Roughness", kraft.math("SUBTRACT", 0.85, gloss))
    flutes = kraft.math("SINE", kraft.math("MULTIPLY", kraft.math("ADD", x, y), 1050))
    height = kraft.math(
        "ADD", kraft.math("MULTIPLY", fibre, 0.35), kraft.math("MULTIPLY", flutes, 0.055)
    )
    height = kraft.math(
        "ADD",
        kraft.math(
            "MULTIPLY", height, kraft.math("SUBTRACT", 1.0, kraft.math("MULTIPLY", stuck, 0.8))
        ),
        kraft.math("MULTIPLY", kraft.math("ADD", stuck, tape), 0.5),
    )
    kraft.bump(height, 0.5, 0.0006)
    return kraft


def parcel() -> None:
    """The box, with what is inside showing through the tear."""
    form = bmesh.new()
    bmesh.ops.create_cube(form, size=1)
    bmesh.ops.subdivide_edges(form, edges=form.edges[:], cuts=150, use_grid_fill=True)
    for vertex in form.verts:
        vertex.co = Vector(
            (vertex.co.x * SIZE.x, vertex.co.y * SIZE.y, (vertex.co.z + 0.5) * SIZE.z)
        )
    gone = [face for face in form.faces if torn(face.calc_center_median())]
    bmesh.ops.delete(form, geom=gone, context="FACES")
    mesh = bpy.data.meshes.new("parcel")
    form.to_mesh(mesh)
    rest = [vertex.co.copy() for vertex in mesh.vertices]
    kept = mesh.attributes.new("rest", "FLOAT_VECTOR", "POINT")
    kept.data.foreach_set("vector", numpy.array(rest, numpy.float32).ravel())
    for vertex, place in zip(mesh.vertices, rest):
        vertex.co = crush(place) + flare(place)
    inside = stage.Material("inside", (0.30, 0.19, 0.10), 0.9)
    edge = stage.Material("edge", (0.52, 0.38, 0.24), 0.95)
    box = stage.add("parcel", mesh, cardboard(), inside, edge)
    thick = box.modifiers.new("board", "SOLIDIFY")
    thick.thickness, thick.offset = 0.0042, -1
    thick.material_offset, thick.material_offset_rim = 1, 2
    box.rotation_euler.z = math.radians(-4)
    foam = stage.Material("foam", (0.82, 0.82, 0.80), 0.7)
    beads = foam.node(
        "ShaderNodeTexVoronoi",
        {"Vector": foam.node("ShaderNodeNewGeometry").outputs["Position"], "Scale": 260},
    )
    foam.bump(beads.outputs["Distance"], 0.6, 0.002)
    stage.block(
        "foam",
        (SIZE.x - 0.05, SIZE.y - 0.05, SIZE.z - 0.085),
        (-0.004, 0.004, SIZE.z / 2 - 0.03),
        foam,
        0.012,
    )
    random = numpy.random.default_rng(8)
    for _ in range(16):  # crumbs of it on the floor
        spot = (0.20 + abs(random.normal(0, 0.05)), -0.20 + random.normal(0, 0.045), 0.0022)
        bpy.ops.mesh.primitive_ico_sphere_add(
            subdivisions=2, radius=random.uniform(0.0012, 0.003), location=spot
        )
        bpy.context.object.data.materials.append(foam.material)


def hall() -> None:
    """A hall with an oak floor, a white wall with its skirting, and a door mat."""
    stage.plane("floor", (6, 6), (0, 0, 0), stage.oak(turn=math.radians(78)))
    wall = stage.Material("wall", (0.74, 0.72, 0.68), 0.9)
    stage.plane("wall", (6, 3), (0, 0.62, 1.5), wall, (math.pi / 2, 0, 0))
    stage.block(
        "skirting",
        (6, 0.016, 0.085),
        (0, 0.612, 0.0425),
        stage.Material("skirting", (0.83, 0.82, 0.8), 0.4),
        0.003,
    )
    stage.block(
        "door frame",
        (0.09, 0.03, 2.2),
        (-0.52, 0.605, 1.1),
        stage.Material("frame", (0.8, 0.79, 0.77), 0.4),
        0.004,
    )
    mat = stage.Material("mat", (0.045, 0.047, 0.05), 0.95)
    rough = mat.noise(mat.node("ShaderNodeNewGeometry").outputs["Position"], 380, 3)
    mat.to("Base Color", mat.ramp(rough, (0.3, (0.02, 0.021, 0.023)), (0.75, (0.11, 0.11, 0.115))))
    mat.bump(rough, 1.0, 0.004)
    stage.block("mat", (0.75, 0.45, 0.012), (0.62, 0.30, 0.006), mat, 0.004)


stage.clear()
hall()
parcel()
stage.sky((0.75, 0.85, 1.0), 0.28)
stage.window((-1.3, -1.5, 1.7), (0, 0, 0.2), (1.2, 1.7), 62, (1.0, 0.97, 0.93))
stage.window((2.2, -0.4, 1.9), (0, 0, 0.2), (0.8, 1.6), 16, (1.0, 0.83, 0.66))
stage.shoot(
    (0.20, -0.66, 0.50),
    (0.068, -0.1, 0.182),
    35,
    roll=1.6,
    blur=5.0,
    exposure=0.15,
    focus=(0.07, -0.165, 0.2),
)
