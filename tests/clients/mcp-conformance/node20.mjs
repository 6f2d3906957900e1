import fs from 'node:fs'
import { register } from 'node:module'

// The suite is for Node 22. Node 20 lacks nothing but `globSync`, which `authorization` does not call.
if (!fs.globSync) register('./glob.mjs', import.meta.url)
