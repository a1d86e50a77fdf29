// Drives one client library of npm: node clients.mjs NAME URL WORKFLOW.json PICTURE; prints the SHA-256 of the output.
// The folder of node_modules is COMFY_CLIENTS_NODE.
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";

const [name, url, workflow, picture] = process.argv.slice(2);
const require = createRequire(path.join(process.env.COMFY_CLIENTS_NODE, "package.json"));
const host = url.split("//")[1];
const bytes = fs.readFileSync(picture);

function loading(image) {
  const prompt = JSON.parse(fs.readFileSync(workflow, "utf-8"));
  prompt["1"].inputs.image = image;
  return prompt;
}

async function uploaded(ask) {
  const form = new FormData();
  form.append("image", new Blob([bytes]), "temp.png");
  return (await (await ask("/upload/image", { method: "POST", body: form })).json()).name;
}

const drivers = {
  async "comfy-ui-client"() {
    const { ComfyUIClient } = require("comfy-ui-client");
    const client = new ComfyUIClient(host, crypto.randomUUID());
    await client.connect();
    const told = await client.uploadImage(bytes, "temp.png", false);
    await client.getObjectInfo();
    const images = await client.getImages(loading(told.name));
    await client.disconnect();
    return images["4"][0].blob.arrayBuffer();
  },
  async "@saintno/comfyui-sdk"() {
    const { ComfyApi, CallWrapper, PromptBuilder } = require("@saintno/comfyui-sdk");
    const api = new ComfyApi(url);
    api.init();
    await api.waitForReady();
    const told = await api.uploadImage(bytes, "temp.png");
    const builder = new PromptBuilder(loading(told.info.filename), ["image"], ["images"])
      .setInputNode("image", "1.inputs.image")
      .setOutputNode("images", "4");
    const item = await new Promise((resolve, reject) => {
      new CallWrapper(api, builder).onFinished((data) => resolve(data.images.images[0])).onFailed(reject).run();
    });
    return (await fetch(api.getPathImage(item))).arrayBuffer();
  },
  async "@stable-canvas/comfyui-client"() {
    const { Client } = require("@stable-canvas/comfyui-client");
    const client = new Client({ api_host: host, WebSocket: require("ws"), fetch });
    client.connect();
    await client.getSystemStats();
    await client.getExtensions();
    const made = await client.enqueue(loading(await uploaded((route, init) => client.fetchApi(route, init))), {});
    const image = made.images[0];
    return image.type === "url" ? (await fetch(image.data)).arrayBuffer() : image.data;
  },
};

const made = await drivers[name]();
console.log(crypto.createHash("sha256").update(Buffer.from(made)).digest("hex"));
process.exit(0);
