export const workersEn = {
  "workers.heading": "Workers",
  "workers.lead":
    "They transcode and encrypt, on this server or on other machines, for every application of this installation.",
  "workers.name": "Worker",
  "workers.state": "State",
  "workers.version": "Version",
  "workers.capacities": "Capacities",
  "workers.cpus": "{count} CPU",
  "workers.noFfmpeg": "No usable ffmpeg: re-encrypts only",
  "workers.jobs": "Jobs",
  "workers.jobs.of": "{running} of {max}",
  "workers.jobs.others": "Of other applications: {count}",
  "workers.none": "No workers",
  "workers.none.text":
    "Nothing is transcoded until one runs: the server’s own, or “packager worker” on another machine with a key by “key-server worker create”.",
  "workers.drain": "Drain",
  "workers.drain.for": "Drain worker {name}",
  "workers.drain.title": "Drain “{name}”?",
  "workers.drain.text":
    "It finishes the jobs that it has and takes no more, of any application, until you let it. Started with --exit-when-drained, it then ends.",
  "workers.drained": "“{name}” takes no more jobs.",
  "workers.undrain": "Take jobs again",
  "workers.undrain.for": "Let worker {name} take jobs again",
  "workers.undrained": "“{name}” takes jobs again.",
};
