/** The scenarios of partitions and of what stands on them: apart from the others, as both take long. */
import { ofPartitions } from './catalogue.ts';
import { judge } from './judged.ts';

judge(ofPartitions);
