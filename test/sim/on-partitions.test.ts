/** The scenarios of what stands on partitions. */
import { onPartitions } from './catalogue.ts';
import { judge } from './judged.ts';

judge(onPartitions);
