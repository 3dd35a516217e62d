"""What every scene shares: an empty Blender file, materials, daylight, a phone as the camera, the shot."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import bpy
from mathutils import Vector

ARGUMENTS = sys.argv[1:]
PRINTS, TARGET = Path(ARGUMENTS[0]), Path(ARGUMENTS[1])
QUICK = "quick" in ARGUMENTS  # a small, coarse preview


def clear() -> None:
    """Start from nothing."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.engine = "CYCLES"


class Material:
    """A node material with a Principled BSDF, and shortcuts to wire it."""

    def __init__(
        self,
        name: str,
        colour: tuple[float, float, float] = (0.8, 0.8, 0.8),
        roughness: float = 0.6,
    ):
        self.material = bpy.data.materials.new(name)
        self.material.use_nodes = True
        self.tree = self.material.node_tree
        self.shader = self.tree.nodes["Principled BSDF"]
        self.set(**{"Base Color": (*colour, 1), "Roughness": roughness, "Specular IOR Level": 0.3})

    def set(self, **inputs):
        """Set inputs of the shader."""
        for name, value in inputs.items():
            self.shader.inputs[name].default_value = value

    def node(self, kind: str, inputs: dict | None = None, **properties):
        """A new node; inputs are values or sockets to link."""
        node = self.tree.nodes.new(kind)
        for name, value in properties.items():
            setattr(node, name, value)
        for name, value in (inputs or {}).items():
            self.wire(value, node.inputs[name])
        return node

    def wire(self, value, socket) -> None:
        """Link a socket, or set a value."""
        if isinstance(value, bpy.types.NodeSocket):
            self.tree.links.new(value, socket)
        else:
            socket.default_value = value

    def to(self, name: str, socket) -> None:
        """Link a socket to an input of the shader."""
        self.tree.links.new(socket, self.shader.inputs[name])

    def math(self, operation: str, first, second=0.0, third=0.0):
        """One arithmetic step."""
        node = self.node("ShaderNodeMath", operation=operation)
        for value, socket in zip((first, second, third), node.inputs):
            self.wire(value, socket)
        return node.outputs[0]

    def mix(self, share, first, second):
        """Between two colours."""
        node = self.node("ShaderNodeMixRGB")
        for value, socket in zip((share, first, second), node.inputs):
            self.wire(value, socket)
        return node.outputs[0]

    def noise(self, vector, scale: float, detail: float = 4.0, roughness: float = 0.55):
        """Fractal noise, 0-1."""
        inputs = {"Vector": vector, "Scale": scale, "Detail": detail, "Roughness": roughness}
        return self.node("ShaderNodeTexNoise", inputs).outputs["Fac"]

    def ramp(self, value, *stops: tuple[float, tuple[float, float, float]]):
        """A colour ramp."""
        node = self.node("ShaderNodeValToRGB", {"Fac": value})
        elements = node.color_ramp.elements
        for position, colour in stops[2:]:
            elements.new(position)
        for element, (position, colour) in zip(elements, stops):
            element.position, element.color = position, (*colour, 1)
        return node.outputs[0]

    def image(self, name: str, vector, extension: str = "CLIP"):
        """A print as a texture."""
        picture = bpy.data.images.load(str(PRINTS / f"{name}.png"))
        node = self.node(
            "ShaderNodeTexImage", {"Vector": vector}, image=picture, extension=extension
        )
        node.interpolation = "Cubic"
        return node

    def bump(self, height, strength: float, distance: float = 0.001):
        """Bump from a height, into the shader's normal."""
        inputs = {"Height": height, "Strength": strength, "Distance": distance}
        self.to("Normal", self.node("ShaderNodeBump", inputs).outputs[0])


def add(name: str, mesh, *materials: Material, smooth: bool = True):
    """A mesh object in the scene."""
    thing = bpy.data.objects.new(name, mesh)
    for material in materials:
        mesh.materials.append(material.material)
    mesh.polygons.foreach_set("use_smooth", [smooth] * len(mesh.polygons))
    bpy.context.collection.objects.link(thing)
    return thing


def block(
    name: str,
    size: tuple[float, float, float],
    at: tuple[float, float, float],
    material: Material,
    round_by: float = 0.0,
):
    """A box, its edges rounded if wished (metres)."""
    bpy.ops.mesh.primitive_cube_add(size=1, location=at)
    thing = bpy.context.object
    thing.name, thing.scale = name, size
    bpy.ops.object.transform_apply(location=False, rotation=False, scale=True)
    thing.data.materials.append(material.material)
    if round_by:
        bevel = thing.modifiers.new("round", "BEVEL")
        bevel.width, bevel.segments = round_by, 6
        bpy.ops.object.shade_smooth()
    return thing


def oak(
    tint: tuple[float, float, float] = (0.36, 0.21, 0.105),
    plank: tuple[float, float] = (1.2, 0.14),
    turn: float = 0.0,
) -> Material:
    """A floor or a table of oak planks (metres)."""
    wood = Material("oak", roughness=0.42)
    place = wood.node("ShaderNodeNewGeometry").outputs["Position"]
    place = wood.node("ShaderNodeMapping", {"Vector": place, "Rotation": (0, 0, turn)}).outputs[0]
    brick = wood.node(
        "ShaderNodeTexBrick",
        {
            "Vector": place,
            "Scale": 1.0,
            "Mortar Size": 0.0011,
            "Brick Width": plank[0],
            "Row Height": plank[1],
            "Color1": (0.25, 0.25, 0.25, 1),
            "Color2": (0.85, 0.85, 0.85, 1),
            "Mortar": (0, 0, 0, 1),
        },
        offset=0.37,
    )
    each = brick.outputs["Color"]
    shift = wood.node("ShaderNodeVectorMath", {0: each}, operation="SCALE")
    shift.inputs["Scale"].default_value = 7.0
    moved = wood.node(
        "ShaderNodeVectorMath", {0: place, 1: shift.outputs[0]}, operation="ADD"
    ).outputs[0]
    long = wood.node("ShaderNodeMapping", {"Vector": moved, "Scale": (1.3, 22, 1)}).outputs[0]
    warp = wood.noise(long, 1.6, 6, 0.62)
    fine = wood.noise(
        wood.node("ShaderNodeMapping", {"Vector": moved, "Scale": (6, 420, 1)}).outputs[0], 1.0, 3
    )
    grain = wood.math("ADD", wood.math("MULTIPLY", warp, 0.75), wood.math("MULTIPLY", fine, 0.25))
    dark, light = tuple(c * 0.5 for c in tint), tuple(min(1, c * 1.4) for c in tint)
    colour = wood.ramp(grain, (0.32, dark), (0.7, light))
    tone = wood.node(
        "ShaderNodeBrightContrast",
        {"Color": colour, "Bright": wood.math("MULTIPLY_ADD", each, 0.07, -0.035)},
    ).outputs[0]
    gap = wood.math("GREATER_THAN", brick.outputs["Fac"], 0.5)
    wood.to("Base Color", wood.mix(gap, tone, (0.03, 0.018, 0.01, 1)))
    wood.to("Roughness", wood.math("MULTIPLY_ADD", warp, 0.3, 0.28))
    wood.bump(wood.math("SUBTRACT", wood.math("MULTIPLY", fine, 0.25), gap), 0.25)
    return wood


def plane(
    name: str,
    size: tuple[float, float],
    at: tuple[float, float, float],
    material: Material,
    turn: tuple[float, float, float] = (0, 0, 0),
):
    """A flat rectangle (metres)."""
    bpy.ops.mesh.primitive_plane_add(size=1, location=at, rotation=turn)
    thing = bpy.context.object
    thing.name, thing.scale = name, (*size, 1)
    thing.data.materials.append(material.material)
    return thing


def look(thing, at: tuple[float, float, float]) -> None:
    """Turn a camera or a lamp towards a point."""
    thing.rotation_euler = (Vector(at) - thing.location).to_track_quat("-Z", "Y").to_euler()


def window(
    at, towards, size: tuple[float, float], watts: float, colour: tuple[float, float, float]
) -> None:
    """A rectangular light."""
    lamp = bpy.data.lights.new("window", "AREA")
    lamp.shape, lamp.size, lamp.size_y, lamp.energy, lamp.color = "RECTANGLE", *size, watts, colour
    thing = bpy.data.objects.new("window", lamp)
    thing.location = at
    bpy.context.collection.objects.link(thing)
    look(thing, towards)


def sky(colour: tuple[float, float, float], strength: float) -> None:
    """Light from everywhere."""
    world = bpy.data.worlds.new("sky")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (*colour, 1)
    world.node_tree.nodes["Background"].inputs["Strength"].default_value = strength
    bpy.context.scene.world = world


def shoot(
    at,
    towards,
    lens: float,
    roll: float = 0.0,
    blur: float = 4.0,
    size: tuple[int, int] = (1280, 960),
    samples: int = 12,
    exposure: float = 0.0,
    focus=None,
) -> None:
    """Render with a phone-like camera; ``lens`` in mm of 36 mm film, ``roll`` in degrees, ``blur`` an f-number."""
    camera = bpy.data.cameras.new("phone")
    camera.lens, camera.clip_start = lens, 0.01
    thing = bpy.data.objects.new("phone", camera)
    thing.location = at
    bpy.context.collection.objects.link(thing)
    look(thing, towards)
    thing.rotation_euler.rotate_axis("Z", math.radians(roll))
    camera.dof.use_dof, camera.dof.aperture_fstop = True, blur
    camera.dof.focus_distance = (Vector(focus or towards) - Vector(at)).length
    scene = bpy.context.scene
    scene.camera = thing
    scene.render.resolution_x, scene.render.resolution_y = size
    scene.render.resolution_percentage = 50 if QUICK else 100
    scene.cycles.samples = 8 if QUICK else samples
    scene.cycles.use_denoising, scene.cycles.denoiser = True, "OPENIMAGEDENOISE"
    scene.cycles.max_bounces = 6
    scene.render.threads_mode, scene.render.threads = "FIXED", 2
    scene.view_settings.view_transform = "Filmic"
    scene.view_settings.look = "Medium High Contrast"
    scene.view_settings.exposure = exposure
    scene.render.filepath = str(TARGET)
    bpy.ops.render.render(write_still=True)
