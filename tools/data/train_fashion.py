#!/usr/bin/env python3
"""Makes the real models and images in data/ from Fashion-MNIST.

    train_fashion.py images   the calibration and test images (.npz)
    train_fashion.py resnet   trains and exports fashion_resnet.onnx
    train_fashion.py vit      trains and exports fashion_vit.onnx
    train_fashion.py verify   checks the exported files and prints their accuracy
    train_fashion.py all      all of these, in this order

The data set comes from Debian's package dataset-fashion-mnist.  The layers,
their training and their export are written out by hand so that the graphs keep
the forms that a quantization tool meets in practice: BatchNormalization still
apart from Conv, LayerNormalization as one node, GELU spelled out with Erf, and
attention made of MatMul, Reshape and Transpose.
"""

import argparse
import gzip
import hashlib
import subprocess
import time
from pathlib import Path

import numpy as np

CLASSES = 10
IMAGE_SIDE = 28
# Mean and standard deviation of all training pixels (0..255).
PIXEL_MEAN = 72.940
PIXEL_STD = 90.021

CALIBRATION_IMAGES = 256
SHIPPED_TEST_IMAGES = 2000

OPSET = 17
IR_VERSION = 8


# --------------------------------------------------------------------- data set


def find_dataset_folder():
    """Where the Debian package put its idx files; dpkg knows."""
    listing = subprocess.run(
        ["dpkg-query", "--listfiles", "dataset-fashion-mnist"],
        capture_output=True, text=True, check=False)
    for line in listing.stdout.splitlines():
        if line.endswith("train-images-idx3-ubyte.gz"):
            return Path(line).parent
    raise SystemExit("dataset-fashion-mnist is not installed: run "
                     "'apt-get install dataset-fashion-mnist' or give --dataset")


def read_idx(path):
    """The unsigned bytes of an idx file, in the shape that its header gives."""
    with gzip.open(path, "rb") as stream:
        content = stream.read()
    zero, kind, rank = content[0:2], content[2], content[3]
    if zero != b"\0\0" or kind != 0x08:
        raise SystemExit(f"{path} is not an idx file of unsigned bytes")
    shape = np.frombuffer(content, ">u4", count=rank, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


def load_split(folder, name):
    images = read_idx(folder / f"{name}-images-idx3-ubyte.gz")
    labels = read_idx(folder / f"{name}-labels-idx1-ubyte.gz")
    return images, labels.astype(np.int64)


def as_input(images):
    """uint8 [N,28,28] to what the networks take: float32 [N,1,28,28], 0..255."""
    return images.astype(np.float32)[:, None, :, :]


def make_images(folder, out):
    train_images, train_labels = load_split(folder, "train")
    rng = np.random.default_rng(20170825)
    chosen = []
    for label in range(CLASSES):
        # 256 is no multiple of 10: the first six classes get one image more.
        count = CALIBRATION_IMAGES // CLASSES + (label < CALIBRATION_IMAGES % CLASSES)
        of_class = np.flatnonzero(train_labels == label)
        chosen.append(rng.choice(of_class, count, replace=False))
    # Shuffled, so that the first images alone are a fair sample as well.
    chosen = rng.permutation(np.concatenate(chosen))
    np.savez_compressed(out / "fashion_calib.npz", image=as_input(train_images[chosen]))

    test_images, test_labels = load_split(folder, "t10k")
    np.savez_compressed(out / "fashion_test.npz",
                        image=as_input(test_images[:SHIPPED_TEST_IMAGES]),
                        labels=test_labels[:SHIPPED_TEST_IMAGES])


class AugmentedBatches:
    """Shuffled batches of float32 [B,28,28,1], flipped and shifted at random."""

    MAX_SHIFT = 2

    def __init__(self, images, labels, batch_size, seed):
        margin = self.MAX_SHIFT
        padded = np.pad(images, ((0, 0), (margin, margin), (margin, margin)))
        # A view [image, shift down, shift right, 28, 28]: shifting is indexing.
        self.windows = np.lib.stride_tricks.sliding_window_view(
            padded, (IMAGE_SIDE, IMAGE_SIDE), axis=(1, 2))
        self.labels = labels
        self.batch_size = batch_size
        self.rng = np.random.default_rng(seed)
        self.per_epoch = len(labels) // batch_size

    def epoch(self):
        order = self.rng.permutation(len(self.labels))
        for step in range(self.per_epoch):
            chosen = order[step * self.batch_size:(step + 1) * self.batch_size]
            shift = self.rng.integers(0, 2 * self.MAX_SHIFT + 1, (2, len(chosen)))
            batch = self.windows[chosen, shift[0], shift[1]]
            flip = self.rng.random(len(chosen)) < 0.5
            batch[flip] = batch[flip, :, ::-1]
            yield batch.astype(np.float32)[..., None], self.labels[chosen]


# ------------------------------------------------------------- shared by both


def import_jax():
    """JAX is needed for training alone; 'images' and 'verify' do without."""
    global jax, jnp
    import jax
    import jax.numpy as jnp


def normalise(images):
    return (images - PIXEL_MEAN) / PIXEL_STD


def cross_entropy(logits, labels):
    log_probability = jax.nn.log_softmax(logits)
    return -jnp.mean(jnp.take_along_axis(log_probability, labels[:, None], axis=1))


def warmup_cosine(step, total_steps, warmup_steps, peak):
    rising = peak * (step + 1) / warmup_steps
    progress = (step - warmup_steps) / (total_steps - warmup_steps)
    falling = peak * 0.5 * (1 + jnp.cos(jnp.pi * jnp.clip(progress, 0, 1)))
    return jnp.where(step < warmup_steps, rising, falling)


def is_decayed(name):
    """Weight decay pulls at matrices and kernels only, not at biases or norms."""
    return name.endswith(".weight")


def parameter_count(parameters):
    return sum(int(np.prod(value.shape)) for value in parameters.values())


def run_training(name, batches, epochs, train_step, state):
    """Runs a fixed number of epochs; the last state is taken, whatever the test
    images say, so that the test accuracy stays an honest estimate."""
    began = time.time()
    step = 0
    for epoch in range(epochs):
        losses = []
        for images, labels in batches.epoch():
            state, loss = train_step(state, step, images, labels)
            losses.append(loss)
            step += 1
        print(f"{name}: epoch {epoch + 1}/{epochs}, "
              f"loss {float(np.mean(jax.device_get(losses))):.4f}, "
              f"{time.time() - began:.0f} s", flush=True)
    return state


class GraphBuilder:
    """Collects nodes and initializers; every node's output has the node's name."""

    def __init__(self):
        self.nodes = []
        self.initializers = []

    def constant(self, name, value):
        from onnx import numpy_helper
        array = np.ascontiguousarray(value)
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def node(self, operator, name, inputs, output=None, **attributes):
        from onnx import helper
        output = output or f"{name}_out"
        self.nodes.append(helper.make_node(operator, inputs, [output], name=name, **attributes))
        return output

    def normalise(self, image):
        mean = self.constant("input.mean", np.full((1, 1, 1, 1), PIXEL_MEAN, np.float32))
        std = self.constant("input.std", np.full((1, 1, 1, 1), PIXEL_STD, np.float32))
        centred = self.node("Sub", "input/subtract_mean", [image, mean])
        return self.node("Div", "input/divide_std", [centred, std])

    def save(self, graph_name, path):
        import onnx
        from onnx import TensorProto, helper
        image = helper.make_tensor_value_info(
            "image", TensorProto.FLOAT, ["N", 1, IMAGE_SIDE, IMAGE_SIDE])
        logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", CLASSES])
        graph = helper.make_graph(self.nodes, graph_name, [image], [logits], self.initializers)
        model = helper.make_model(
            graph, producer_name="train_fashion", ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)])
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, path)


# --------------------------------------------------------------------- resnet

BATCHNORM_EPSILON = 1e-5
BATCHNORM_MOMENTUM = 0.9

STEM_CHANNELS = 16
# Name, channels in, channels out, stride.  A block that changes the shape takes
# its shortcut through a 1x1 projection.
RESNET_BLOCKS = [
    ("stage1.block1", 16, 32, 2),
    ("stage1.block2", 32, 32, 1),
    ("stage2.block1", 32, 64, 2),
    ("stage2.block2", 64, 64, 1),
]


def has_projection(channels_in, channels_out, stride):
    return stride != 1 or channels_in != channels_out


def resnet_convolutions():
    """Every convolution as name, kernel side, channels in, channels out, stride."""
    yield "stem", 3, 1, STEM_CHANNELS, 1
    for name, channels_in, channels_out, stride in RESNET_BLOCKS:
        yield f"{name}.conv1", 3, channels_in, channels_out, stride
        yield f"{name}.conv2", 3, channels_out, channels_out, 1
        if has_projection(channels_in, channels_out, stride):
            yield f"{name}.shortcut", 1, channels_in, channels_out, stride


def resnet_initial(seed):
    rng = np.random.default_rng(seed)
    parameters, statistics = {}, {}
    for name, side, channels_in, channels_out, _ in resnet_convolutions():
        deviation = np.sqrt(2 / (side * side * channels_in))
        parameters[f"{name}.weight"] = rng.normal(
            0, deviation, (side, side, channels_in, channels_out)).astype(np.float32)
        parameters[f"{name}.bn.scale"] = np.ones(channels_out, np.float32)
        parameters[f"{name}.bn.bias"] = np.zeros(channels_out, np.float32)
        statistics[f"{name}.bn.mean"] = np.zeros(channels_out, np.float32)
        statistics[f"{name}.bn.var"] = np.ones(channels_out, np.float32)
    width = RESNET_BLOCKS[-1][2]
    parameters["head.weight"] = rng.normal(0, 0.01, (width, CLASSES)).astype(np.float32)
    parameters["head.bias"] = np.zeros(CLASSES, np.float32)
    return parameters, statistics


def resnet_train_forward(parameters, statistics, images):
    """Logits in training mode, and the running statistics moved by this batch."""
    moved = {}

    def conv_bn(name, x, stride):
        weight = parameters[f"{name}.weight"]
        margin = weight.shape[0] // 2
        x = jax.lax.conv_general_dilated(
            x, weight, (stride, stride), [(margin, margin)] * 2,
            dimension_numbers=("NHWC", "HWIO", "NHWC"))
        mean, variance = jnp.mean(x, (0, 1, 2)), jnp.var(x, (0, 1, 2))
        for key, value in (("mean", mean), ("var", variance)):
            key = f"{name}.bn.{key}"
            moved[key] = (BATCHNORM_MOMENTUM * statistics[key]
                          + (1 - BATCHNORM_MOMENTUM) * value)
        scale = parameters[f"{name}.bn.scale"] * jax.lax.rsqrt(variance + BATCHNORM_EPSILON)
        return (x - mean) * scale + parameters[f"{name}.bn.bias"]

    x = jax.nn.relu(conv_bn("stem", normalise(images), 1))
    for name, channels_in, channels_out, stride in RESNET_BLOCKS:
        shortcut = x
        if has_projection(channels_in, channels_out, stride):
            shortcut = conv_bn(f"{name}.shortcut", x, stride)
        x = jax.nn.relu(conv_bn(f"{name}.conv1", x, stride))
        x = jax.nn.relu(conv_bn(f"{name}.conv2", x, 1) + shortcut)
    x = jnp.mean(x, (1, 2))
    return x @ parameters["head.weight"] + parameters["head.bias"], moved


def train_resnet(images, labels, epochs):
    batch_size, peak_rate, momentum, decay = 128, 0.1, 0.9, 5e-4
    batches = AugmentedBatches(images, labels, batch_size, seed=1)
    total_steps = epochs * batches.per_epoch
    parameters, statistics = resnet_initial(seed=2)

    def loss_of(parameters, statistics, images, labels):
        logits, moved = resnet_train_forward(parameters, statistics, images)
        return cross_entropy(logits, labels), moved

    @jax.jit
    def train_step(state, step, images, labels):
        parameters, statistics, velocity = state
        (loss, statistics), gradient = jax.value_and_grad(loss_of, has_aux=True)(
            parameters, statistics, images, labels)
        rate = warmup_cosine(step, total_steps, batches.per_epoch // 2, peak_rate)
        updated = {}
        for name, value in parameters.items():
            slope = gradient[name] + (decay * value if is_decayed(name) else 0)
            velocity[name] = momentum * velocity[name] + slope
            # Nesterov's form looks one momentum step ahead.
            updated[name] = value - rate * (slope + momentum * velocity[name])
        return (updated, statistics, velocity), loss

    velocity = {name: np.zeros_like(value) for name, value in parameters.items()}
    print(f"resnet: {parameter_count(parameters)} trained parameters", flush=True)
    parameters, statistics, _ = run_training(
        "resnet", batches, epochs, train_step, (parameters, statistics, velocity))
    return jax.device_get((parameters, statistics))


def export_resnet(parameters, statistics, path):
    graph = GraphBuilder()

    def conv_bn(name, x, side, stride):
        label = name.replace(".", "/")
        # HWIO, in which training runs fastest on a CPU, to ONNX's OIHW.
        kernel = parameters[f"{name}.weight"].transpose(3, 2, 0, 1)
        x = graph.node("Conv", f"{label}/conv", [x, graph.constant(f"{name}.weight", kernel)],
                       kernel_shape=[side, side], strides=[stride, stride],
                       pads=[side // 2] * 4, dilations=[1, 1], group=1)
        constants = [graph.constant(f"{name}.bn.{key}", source[f"{name}.bn.{key}"])
                     for key, source in (("scale", parameters), ("bias", parameters),
                                         ("mean", statistics), ("var", statistics))]
        return graph.node("BatchNormalization", f"{label}/bn", [x, *constants],
                          epsilon=BATCHNORM_EPSILON, momentum=BATCHNORM_MOMENTUM)

    x = conv_bn("stem", graph.normalise("image"), 3, 1)
    x = graph.node("Relu", "stem/relu", [x])
    for name, channels_in, channels_out, stride in RESNET_BLOCKS:
        label = name.replace(".", "/")
        branch = conv_bn(f"{name}.conv1", x, 3, stride)
        branch = graph.node("Relu", f"{label}/conv1/relu", [branch])
        branch = conv_bn(f"{name}.conv2", branch, 3, 1)
        if has_projection(channels_in, channels_out, stride):
            x = conv_bn(f"{name}.shortcut", x, 1, stride)
        x = graph.node("Add", f"{label}/add", [branch, x])
        x = graph.node("Relu", f"{label}/relu", [x])
    x = graph.node("GlobalAveragePool", "head/pool", [x])
    x = graph.node("Flatten", "head/flatten", [x], axis=1)
    # As PyTorch's Linear exports it: the weight is [out, in] and transB is set.
    weight = graph.constant("head.weight", parameters["head.weight"].T)
    bias = graph.constant("head.bias", parameters["head.bias"])
    graph.node("Gemm", "head/fc", [x, weight, bias], output="logits", transB=1)
    graph.save("fashion_resnet", path)


# ------------------------------------------------------------------------ vit

PATCH_SIDE = 4
TOKENS = (IMAGE_SIDE // PATCH_SIDE) ** 2
WIDTH = 64
HEADS = 4
HEAD_WIDTH = WIDTH // HEADS
MLP_WIDTH = 4 * WIDTH
VIT_BLOCKS = 3
LAYERNORM_EPSILON = 1e-6


def vit_initial(seed):
    rng = np.random.default_rng(seed)
    parameters = {}

    def linear(name, *shape):
        fan_in, fan_out = np.prod(shape[:-1]), shape[-1]
        deviation = np.sqrt(2 / (fan_in + fan_out))
        parameters[f"{name}.weight"] = rng.normal(0, deviation, shape).astype(np.float32)
        parameters[f"{name}.bias"] = np.zeros(fan_out, np.float32)

    def norm(name):
        parameters[f"{name}.scale"] = np.ones(WIDTH, np.float32)
        parameters[f"{name}.bias"] = np.zeros(WIDTH, np.float32)

    linear("patch", PATCH_SIDE, PATCH_SIDE, 1, WIDTH)
    parameters["position"] = rng.normal(0, 0.02, (1, TOKENS, WIDTH)).astype(np.float32)
    for block in range(VIT_BLOCKS):
        prefix = f"block{block}"
        norm(f"{prefix}.norm1")
        for name in ("query", "key", "value", "out"):
            linear(f"{prefix}.attention.{name}", WIDTH, WIDTH)
        norm(f"{prefix}.norm2")
        linear(f"{prefix}.mlp.fc1", WIDTH, MLP_WIDTH)
        linear(f"{prefix}.mlp.fc2", MLP_WIDTH, WIDTH)
    norm("norm")
    linear("head", WIDTH, CLASSES)
    return parameters


def vit_forward(parameters, images):
    def linear(name, x):
        return x @ parameters[f"{name}.weight"] + parameters[f"{name}.bias"]

    def norm(name, x):
        mean = jnp.mean(x, -1, keepdims=True)
        variance = jnp.var(x, -1, keepdims=True)
        x = (x - mean) * jax.lax.rsqrt(variance + LAYERNORM_EPSILON)
        return x * parameters[f"{name}.scale"] + parameters[f"{name}.bias"]

    def heads(x):
        return x.reshape(-1, TOKENS, HEADS, HEAD_WIDTH).transpose(0, 2, 1, 3)

    def attention(name, x):
        query, key, value = (heads(linear(f"{name}.{part}", x))
                             for part in ("query", "key", "value"))
        scores = query @ key.swapaxes(2, 3) / np.float32(np.sqrt(HEAD_WIDTH))
        mixed = jax.nn.softmax(scores) @ value
        return linear(f"{name}.out", mixed.transpose(0, 2, 1, 3).reshape(-1, TOKENS, WIDTH))

    per_side = IMAGE_SIDE // PATCH_SIDE
    # A convolution whose stride is its kernel is one product over cut-out patches.
    patches = normalise(images).reshape(-1, per_side, PATCH_SIDE, per_side, PATCH_SIDE)
    patches = patches.transpose(0, 1, 3, 2, 4).reshape(-1, TOKENS, PATCH_SIDE * PATCH_SIDE)
    kernel = parameters["patch.weight"].reshape(PATCH_SIDE * PATCH_SIDE, WIDTH)
    x = patches @ kernel + parameters["patch.bias"] + parameters["position"]
    for block in range(VIT_BLOCKS):
        prefix = f"block{block}"
        x = x + attention(f"{prefix}.attention", norm(f"{prefix}.norm1", x))
        hidden = linear(f"{prefix}.mlp.fc1", norm(f"{prefix}.norm2", x))
        x = x + linear(f"{prefix}.mlp.fc2", jax.nn.gelu(hidden, approximate=False))
    return linear("head", jnp.mean(norm("norm", x), 1))


def train_vit(images, labels, epochs):
    batch_size, peak_rate, decay = 128, 2e-3, 0.05
    beta1, beta2, epsilon = 0.9, 0.98, 1e-8
    batches = AugmentedBatches(images, labels, batch_size, seed=3)
    total_steps = epochs * batches.per_epoch
    parameters = vit_initial(seed=4)

    def loss_of(parameters, images, labels):
        return cross_entropy(vit_forward(parameters, images), labels)

    @jax.jit
    def train_step(state, step, images, labels):
        parameters, first, second = state
        loss, gradient = jax.value_and_grad(loss_of)(parameters, images, labels)
        rate = warmup_cosine(step, total_steps, batches.per_epoch, peak_rate)
        updated = {}
        for name, value in parameters.items():
            slope = gradient[name]
            first[name] = beta1 * first[name] + (1 - beta1) * slope
            second[name] = beta2 * second[name] + (1 - beta2) * slope * slope
            direction = (first[name] / (1 - beta1 ** (step + 1.0))
                         / (jnp.sqrt(second[name] / (1 - beta2 ** (step + 1.0))) + epsilon))
            # Decay apart from the adaptive step (AdamW).
            direction += decay * value if is_decayed(name) else 0
            updated[name] = value - rate * direction
        return (updated, first, second), loss

    zeros = {name: np.zeros_like(value) for name, value in parameters.items()}
    print(f"vit: {parameter_count(parameters)} trained parameters", flush=True)
    parameters, _, _ = run_training(
        "vit", batches, epochs, train_step, (parameters, zeros, dict(zeros)))
    return jax.device_get(parameters)


def export_vit(parameters, path):
    graph = GraphBuilder()
    split_shape = graph.constant("shape.split_heads",
                                 np.array([0, -1, HEADS, HEAD_WIDTH], np.int64))
    merge_shape = graph.constant("shape.merge_heads", np.array([0, -1, WIDTH], np.int64))
    score_divisor = graph.constant("attention.sqrt_head_width",
                                   np.array(np.sqrt(HEAD_WIDTH), np.float32))
    sqrt_two = graph.constant("gelu.sqrt_two", np.array(np.sqrt(2), np.float32))
    one = graph.constant("gelu.one", np.array(1, np.float32))
    half = graph.constant("gelu.half", np.array(0.5, np.float32))

    def linear(name, x):
        label = name.replace(".", "/")
        weight = graph.constant(f"{name}.weight", parameters[f"{name}.weight"])
        bias = graph.constant(f"{name}.bias", parameters[f"{name}.bias"])
        x = graph.node("MatMul", f"{label}/matmul", [x, weight])
        return graph.node("Add", f"{label}/bias", [x, bias])

    def norm(name, x):
        scale = graph.constant(f"{name}.scale", parameters[f"{name}.scale"])
        bias = graph.constant(f"{name}.bias", parameters[f"{name}.bias"])
        return graph.node("LayerNormalization", name.replace(".", "/"), [x, scale, bias],
                          axis=-1, epsilon=LAYERNORM_EPSILON)

    def heads(label, x, order):
        x = graph.node("Reshape", f"{label}/split_heads", [x, split_shape])
        return graph.node("Transpose", f"{label}/transpose", [x], perm=order)

    def attention(name, x):
        label = name.replace(".", "/")
        query = heads(f"{label}/query", linear(f"{name}.query", x), [0, 2, 1, 3])
        # The key's two transpositions, to heads and of the product, in one node.
        key = heads(f"{label}/key", linear(f"{name}.key", x), [0, 2, 3, 1])
        value = heads(f"{label}/value", linear(f"{name}.value", x), [0, 2, 1, 3])
        scores = graph.node("MatMul", f"{label}/scores", [query, key])
        scores = graph.node("Div", f"{label}/scale", [scores, score_divisor])
        weights = graph.node("Softmax", f"{label}/softmax", [scores], axis=-1)
        mixed = graph.node("MatMul", f"{label}/mix", [weights, value])
        mixed = graph.node("Transpose", f"{label}/transpose", [mixed], perm=[0, 2, 1, 3])
        mixed = graph.node("Reshape", f"{label}/merge_heads", [mixed, merge_shape])
        return linear(f"{name}.out", mixed)

    def gelu(label, x):
        inner = graph.node("Div", f"{label}/div", [x, sqrt_two])
        inner = graph.node("Erf", f"{label}/erf", [inner])
        inner = graph.node("Add", f"{label}/add_one", [inner, one])
        product = graph.node("Mul", f"{label}/mul", [x, inner])
        return graph.node("Mul", f"{label}/halve", [product, half])

    kernel = graph.constant("patch.weight", parameters["patch.weight"].transpose(3, 2, 0, 1))
    bias = graph.constant("patch.bias", parameters["patch.bias"])
    x = graph.node("Conv", "patch/conv", [graph.normalise("image"), kernel, bias],
                   kernel_shape=[PATCH_SIDE] * 2, strides=[PATCH_SIDE] * 2,
                   pads=[0] * 4, dilations=[1, 1], group=1)
    x = graph.node("Reshape", "patch/flatten",
                   [x, graph.constant("shape.patches", np.array([0, WIDTH, -1], np.int64))])
    x = graph.node("Transpose", "patch/transpose", [x], perm=[0, 2, 1])
    position = graph.constant("position", parameters["position"])
    x = graph.node("Add", "patch/add_position", [x, position])
    for block in range(VIT_BLOCKS):
        prefix = f"block{block}"
        branch = attention(f"{prefix}.attention", norm(f"{prefix}.norm1", x))
        x = graph.node("Add", f"{prefix}/attention/residual", [x, branch])
        branch = linear(f"{prefix}.mlp.fc1", norm(f"{prefix}.norm2", x))
        branch = linear(f"{prefix}.mlp.fc2", gelu(f"{prefix}/mlp/gelu", branch))
        x = graph.node("Add", f"{prefix}/mlp/residual", [x, branch])
    x = graph.node("ReduceMean", "head/pool", [norm("norm", x)], axes=[1], keepdims=0)
    weight = graph.constant("head.weight", parameters["head.weight"].T)
    bias = graph.constant("head.bias", parameters["head.bias"])
    graph.node("Gemm", "head/fc", [x, weight, bias], output="logits", transB=1)
    graph.save("fashion_vit", path)


# --------------------------------------------------------------------- verify


def count_correct(session, images, labels, batch_size=250):
    correct = 0
    for start in range(0, len(labels), batch_size):
        logits, = session.run(["logits"], {"image": images[start:start + batch_size]})
        correct += int(np.sum(np.argmax(logits, 1) == labels[start:start + batch_size]))
    return correct


def verify(folder, out):
    import onnx
    import onnxruntime

    all_images, all_labels = load_split(folder, "t10k")
    all_images = as_input(all_images)
    with np.load(out / "fashion_test.npz") as shipped:
        shipped_images, shipped_labels = shipped["image"], shipped["labels"]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    for path in sorted(out.glob("fashion_*.onnx")):
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        names = [node.name for node in model.graph.node]
        if len(set(names)) != len(names) or not all(names):
            raise SystemExit(f"{path.name}: node names are not unique")
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"])
        one_by_one = [session.run(None, {"image": all_images[i:i + 1]})[0] for i in range(7)]
        together, = session.run(None, {"image": all_images[:7]})
        # The sum of a product may be ordered otherwise for another batch size.
        np.testing.assert_allclose(np.concatenate(one_by_one), together, rtol=1e-4, atol=1e-4)
        values = sum(int(np.prod(tensor.dims)) for tensor in model.graph.initializer
                     if tensor.data_type == onnx.TensorProto.FLOAT)
        of_all = count_correct(session, all_images, all_labels)
        of_shipped = count_correct(session, shipped_images, shipped_labels)
        print(f"{path.name}: {values} float values, {len(names)} nodes, "
              f"{of_all}/{len(all_labels)} = {of_all / len(all_labels):.2%} of all test images, "
              f"{of_shipped}/{len(shipped_labels)} = {of_shipped / len(shipped_labels):.2%} "
              "of the shipped ones")
    for path in sorted([*out.glob("fashion_*.npz"), *out.glob("fashion_*.onnx")]):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        print(f"{digest}  {path.name}  {path.stat().st_size} bytes")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["images", "resnet", "vit", "verify", "all"])
    parser.add_argument("--out", type=Path,
                        default=Path(__file__).resolve().parents[2] / "data",
                        help="folder to write to (default: the repository's data/)")
    parser.add_argument("--dataset", type=Path,
                        help="folder with the idx files (default: where the package put them)")
    parser.add_argument("--resnet-epochs", type=int, default=8)
    parser.add_argument("--vit-epochs", type=int, default=15)
    arguments = parser.parse_args()
    folder = arguments.dataset or find_dataset_folder()
    arguments.out.mkdir(parents=True, exist_ok=True)

    if arguments.what in ("images", "all"):
        make_images(folder, arguments.out)
    if arguments.what in ("resnet", "all"):
        import_jax()
        trained = train_resnet(*load_split(folder, "train"), arguments.resnet_epochs)
        export_resnet(*trained, arguments.out / "fashion_resnet.onnx")
    if arguments.what in ("vit", "all"):
        import_jax()
        trained = train_vit(*load_split(folder, "train"), arguments.vit_epochs)
        export_vit(trained, arguments.out / "fashion_vit.onnx")
    if arguments.what in ("verify", "all"):
        verify(folder, arguments.out)


if __name__ == "__main__":
    main()
